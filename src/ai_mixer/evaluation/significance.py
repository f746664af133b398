"""Is the model better than another system, beyond chance? One test per rival and measure.

The difference is taken excerpt by excerpt, averaged per song, and tested over songs by flipping
signs (`metrics.statistics.sign_flip`); the p-values of one condition are one family (Holm).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ai_mixer.metrics.knob_skill import HEADLINE_KNOBS
from ai_mixer.metrics.statistics import (
    Estimate,
    difference_estimate,
    holm_correction,
    sign_flip_test,
    song_means,
)

SIGNIFICANCE_LEVEL = 0.05
UNTESTED_SYSTEMS = (
    "model",
    "refined",
    "true_knobs",
    "fitted",
)  # itself, and nobody the model could be asked to beat
REQUIRED_BASELINES = ("mean_knobs", "loudness_only")
KNOB_MEASURE, DISTANCE_MEASURE = "knob error", "STFT distance"


def significance_table(records: pd.DataFrame) -> pd.DataFrame:
    """The model against every rival. Index: condition, rival, measure.

    Columns: `gain` (how much smaller the model's mean over songs is, in the measure's unit) with
    its 95 % interval, `songs`, `p` (two-sided, unadjusted), `p_holm` and `beats` ("yes", "no" or
    "worse", at 5 % after Holm's correction within a condition).
    """
    tables = [
        _condition_tests(part, name) for name, part in records.groupby("condition", sort=False)
    ]
    return pd.concat(tables) if tables else pd.DataFrame()


def verdicts(significance: pd.DataFrame) -> list[str]:
    """A plain line per condition: does the model beat what it has to beat?"""
    lines = []
    for condition in dict.fromkeys(significance.index.get_level_values("condition")):
        answers = {
            baseline: beats(significance, str(condition), baseline)
            for baseline in REQUIRED_BASELINES
        }
        failed = [baseline for baseline, answer in answers.items() if answer != "yes"]
        said = "; ".join(f"beats {baseline}: {answer}" for baseline, answer in answers.items())
        lines.append(f"{condition}: {said}")
        if failed:
            few = _too_few(significance.loc[condition])
            lines[-1] += f". **It does not beat {' and '.join(failed)}**{few}"
    return lines


def beats(significance: pd.DataFrame, condition: str, baseline: str) -> str:
    """By the knobs where both have some, else by the sound."""
    for measure in (KNOB_MEASURE, DISTANCE_MEASURE):
        if (condition, baseline, measure) in significance.index:
            return str(significance["beats"][condition, baseline, measure])
    return "not compared"


def _condition_tests(records: pd.DataFrame, condition: object) -> pd.DataFrame:
    """All tests of one condition."""
    measures = {
        KNOB_MEASURE: knob_error(records),
        DISTANCE_MEASURE: records["stft"].to_numpy(float),
    }
    baselines = [name for name in dict.fromkeys(records["system"]) if name not in UNTESTED_SYSTEMS]
    rows = {}
    for measure, values in measures.items():
        for baseline in baselines:
            pair = [_system_values(records, values, system) for system in ("model", baseline)]
            songs = pair[0].index.to_numpy()
            mine, theirs = (one.to_numpy() for one in pair)
            if not np.isnan(mine - theirs).all():
                rows[condition, baseline, measure] = _test(theirs, mine, songs)
    names = ["condition", "rival", "measure"]
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=names)
    table["p_holm"] = holm_correction(table["p"].to_numpy(float))
    table["beats"] = [_outcome(*row) for row in zip(table["gain"], table["p_holm"], strict=True)]
    return table


def _test(theirs: np.ndarray, mine: np.ndarray, songs: np.ndarray) -> dict[str, float]:
    estimate: Estimate = difference_estimate(theirs, mine, songs)
    per_song = song_means(theirs - mine, songs)
    return {
        "gain": estimate.value,
        "gain_low": estimate.low,
        "gain_high": estimate.high,
        "songs": estimate.songs,
        "p": sign_flip_test(per_song),
    }


def _outcome(gain: float, p: float) -> str:
    if not p < SIGNIFICANCE_LEVEL:
        return "no"
    return "yes" if gain > 0 else "worse"


def _system_values(records: pd.DataFrame, values: np.ndarray, system: str) -> pd.Series:
    """A system's values in the order of the excerpts, by song."""
    chosen = (records["system"] == system).to_numpy()
    return pd.Series(values[chosen], index=records["song_id"][chosen])


def knob_error(records: pd.DataFrame) -> np.ndarray:
    """Mean error of the headline's knobs per record; NaN where none counted."""
    names = [f"error/{name}" for name in HEADLINE_KNOBS if f"error/{name}" in records]
    if not names:
        return np.full(len(records), np.nan)
    return records[names].mean(axis=1).to_numpy(float)


def _too_few(rows: pd.DataFrame) -> str:
    """Why it could not have: the smallest p-value that so many songs allow, times the family."""
    songs, family = int(rows["songs"].max()), len(rows)
    if 2.0 ** (1 - songs) * family < SIGNIFICANCE_LEVEL:
        return ""
    return f" (too few songs, {songs}, for any answer in {family} tests)"


def songs_table(records: pd.DataFrame, distances: Sequence[str]) -> pd.DataFrame:
    """Every song: mean over its excerpts of closeness, distances and headline knob error."""
    key = ["condition", "song_id", "genre", "system"]
    take = records.groupby(["condition", "system", "song_id"]).cumcount()
    table = records[key].assign(take=take, knob_error=knob_error(records))
    table[list(distances)] = records[list(distances)]
    rough = table[table["system"] == "rough"].set_index(["condition", "song_id", "take"])["stft"]
    before = rough.reindex(pd.MultiIndex.from_frame(table[["condition", "song_id", "take"]]))
    table["closeness"] = 1.0 - table["stft"].to_numpy() / before.where(before > 0).to_numpy()
    return table.drop(columns="take").groupby(key, sort=False).mean().reset_index()
