"""Significance tests of the model against the other systems, one per system and measure.

The difference is taken per excerpt, averaged per song, and tested over songs with a sign-flip test
(`metrics.statistics.sign_flip_test`). In each condition the p-values of the main measures are
adjusted together (Holm), and so are those of the others: they must not cost the first their power.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ai_mixer.metrics.knob_skill import headline_columns
from ai_mixer.metrics.statistics import (
    MIN_SONGS,
    Estimate,
    difference_estimate,
    holm_correction,
    sign_flip_test,
    song_means,
)

SIGNIFICANCE_LEVEL = 0.05
# The model itself, its refinement, and bounds that it cannot exceed.
UNTESTED_SYSTEMS = ("model", "refined", "true_knobs", "fitted")
KNOB_MEASURE, DISTANCE_MEASURE = "knob error", "STFT distance"
MAIN_MEASURES = (KNOB_MEASURE, DISTANCE_MEASURE)
OTHER_MEASURES = {  # measure → column of a record; they count as losses, not as gains
    "spectrum error": "spectrum_db",
    "loudness error": "loudness_lu",
    "crest error": "crest_db",
    "width error": "width_db",
}
WORSE, NOT_BEATEN, BEATEN = "worse than", "does not beat", "beats"  # in the order of a verdict


def significance_table(records: pd.DataFrame) -> pd.DataFrame:
    """Test the model against every other system. Index: condition, rival, measure.

    Columns: `gain` (the other's mean error over songs minus the model's, in the measure's unit)
    with its 95 % interval, `songs`, `p` (two-sided, unadjusted), `p_holm` and `beats` ("yes", "no"
    or "worse", at 5 % after Holm's correction).
    """
    tables = [
        _condition_tests(part, name) for name, part in records.groupby("condition", sort=False)
    ]
    return pd.concat(tables) if tables else pd.DataFrame()


def verdicts(significance: pd.DataFrame) -> list[str]:
    """One line per condition on all tested systems, losses first.

    - "worse than": systems that are significantly better than the model in any measure, with the
      measures: knob error, STFT distance, or one of the other distances.
    - "does not beat": the other systems without a significant gain in a main measure (knob error,
      STFT distance).
    - "beats": the others, with the main measures in which the model is significantly better.
    """
    lines = []
    for condition in dict.fromkeys(significance.index.get_level_values("condition")):
        tests = significance.loc[condition]
        outcomes = outcomes_by_system(tests)
        parts = [
            f"**{kind} {', '.join(systems)}**" if kind == WORSE else f"{kind} {', '.join(systems)}"
            for kind, systems in outcomes.items()
            if systems
        ]
        lines.append(
            f"{condition} (n = {int(tests['songs'].max())}): {'; '.join(parts)}{_too_few(tests)}"
        )
    return lines


def outcomes_by_system(tests: pd.DataFrame) -> dict[str, list[str]]:
    """Outcome ("worse than" first) → systems with the measures, by the rule of `verdicts`.

    tests: rows of one condition, by rival and measure.
    """
    outcomes: dict[str, list[str]] = {WORSE: [], NOT_BEATEN: [], BEATEN: []}
    for system, rows in tests.groupby(level="rival", sort=False):
        by_measure = rows["beats"].droplevel("rival")
        losses = by_measure.index[by_measure == "worse"]
        gains = [name for name in MAIN_MEASURES if by_measure.get(name) == "yes"]
        if len(losses):
            outcomes[WORSE].append(f"{system} ({', '.join(losses)})")
        elif gains:
            outcomes[BEATEN].append(f"{system} ({', '.join(gains)})")
        else:
            outcomes[NOT_BEATEN].append(str(system))
    return outcomes


def _condition_tests(records: pd.DataFrame, condition: object) -> pd.DataFrame:
    """All tests of one condition."""
    measures = {
        KNOB_MEASURE: knob_error(records),
        DISTANCE_MEASURE: records["stft"].to_numpy(float),
        **{
            name: records[column].to_numpy(float)
            for name, column in OTHER_MEASURES.items()
            if column in records
        },
    }
    baselines = [name for name in dict.fromkeys(records["system"]) if name not in UNTESTED_SYSTEMS]
    rows = {}
    for measure, values in measures.items():
        for baseline in baselines:
            pair = [_system_values(records, values, system) for system in ("model", baseline)]
            songs = pair[0].index.to_numpy()
            model_error, baseline_error = (series.to_numpy() for series in pair)
            if not np.isnan(model_error - baseline_error).all():
                rows[condition, baseline, measure] = _test(baseline_error, model_error, songs)
    names = ["condition", "rival", "measure"]
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=names)
    is_main = table.index.get_level_values("measure").isin(MAIN_MEASURES)
    for family in (is_main, ~is_main):
        table.loc[family, "p_holm"] = holm_correction(table.loc[family, "p"].to_numpy(float))
    table["beats"] = [_outcome(*row) for row in zip(table["gain"], table["p_holm"], strict=True)]
    return table


def _test(
    baseline_error: np.ndarray, model_error: np.ndarray, songs: np.ndarray
) -> dict[str, float]:
    estimate: Estimate = difference_estimate(baseline_error, model_error, songs)
    per_song = song_means(baseline_error - model_error, songs)
    return {
        "gain": estimate.value,
        "gain_low": estimate.low,
        "gain_high": estimate.high,
        "songs": estimate.songs,
        "p": sign_flip_test(per_song) if estimate.songs >= MIN_SONGS else np.nan,
    }


def _outcome(gain: float, p: float) -> str:
    if not p < SIGNIFICANCE_LEVEL:
        return "no"
    return "yes" if gain > 0 else "worse"


def _system_values(records: pd.DataFrame, values: np.ndarray, system: str) -> pd.Series:
    """A system's values in the order of the excerpts, indexed by song."""
    selected = (records["system"] == system).to_numpy()
    return pd.Series(values[selected], index=records["song_id"][selected])


def knob_error(records: pd.DataFrame) -> np.ndarray:
    """Mean error of the headline knobs per record; NaN where none is counted."""
    names = headline_columns(map(str, records))
    if not names:
        return np.full(len(records), np.nan)
    return records[names].mean(axis=1).to_numpy(float)


def _too_few(rows: pd.DataFrame) -> str:
    """A note if significance is out of reach: the smallest p-value, 2^(1 − songs), times tests."""
    is_main = rows.index.get_level_values("measure").isin(MAIN_MEASURES)
    songs, tests = int(rows["songs"].max()), int(is_main.sum())
    if 2.0 ** (1 - songs) * tests < SIGNIFICANCE_LEVEL:
        return ""
    return f" (too few songs for significance: {songs} songs, {tests} tests)"


def songs_table(records: pd.DataFrame, distances: Sequence[str]) -> pd.DataFrame:
    """Mean over each song's excerpts of closeness, distances and headline knob error."""
    key = ["condition", "song_id", "genre", "system"]
    take = records.groupby(["condition", "system", "song_id"]).cumcount()
    table = records[key].assign(take=take, knob_error=knob_error(records))
    table[list(distances)] = records[list(distances)]
    rough = table[table["system"] == "rough"].set_index(["condition", "song_id", "take"])["stft"]
    before = rough.reindex(pd.MultiIndex.from_frame(table[["condition", "song_id", "take"]]))
    table["closeness"] = 1.0 - table["stft"].to_numpy() / before.where(before > 0).to_numpy()
    return table.drop(columns="take").groupby(key, sort=False).mean().reset_index()
