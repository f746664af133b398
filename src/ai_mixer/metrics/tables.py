"""Tables of protocols K and A, from records.

A record is one excerpt under one condition by one system: columns `song_id`, `genre`, `condition`,
`system`; for K `error/<knob>` of the predicted knobs and `applied_error/<knob>` of the applied ones
(NaN where masked); for A `stft`, `spectrum_db`, `loudness_lu`, `crest_db`, `width_db`. All systems
process the same excerpts in the same order: the n-th record of a song under a condition is the same
excerpt for each.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ai_mixer.metrics.knob_skill import headline_knobs
from ai_mixer.metrics.statistics import (
    RESAMPLES,
    Estimate,
    mean_estimate,
    nan_mean,
    share_estimate,
    skill_estimates,
    song_means,
)
from ai_mixer.utils.markdown import HIGH, LOW, SONGS, to_markdown

__all__ = ["table_a", "table_applied", "table_headline", "table_k", "to_markdown"]

SYSTEMS = (
    *("rough", "loudness_only", "mean_knobs", "ridge", "trees", "spectrum_match"),
    *("compare_run", "model", "refined", "matching", "fitted", "true_knobs"),
)
DISTANCES = ("stft", "spectrum_db", "loudness_lu", "crest_db", "width_db")
ERROR_PREFIX = "error/"
APPLIED_PREFIX = "applied_"  # before `error/…`: the error of the applied knobs
APPLIED_ROW = "{}, applied"  # name of a system's row with its applied knobs
DERIVED_KNOB = "total_gain"
MIN_DIFFERENCE = 1e-6  # of an error; smaller ones are rounding


def table_k(
    records: pd.DataFrame, system: str = "model", n_resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Return knob errors and skill over `mean_knobs`. Index: knob; columns: (condition, value).

    Rows: the headline's knobs, the others, `headline` (mean skill of the headline's knobs), `all`
    (of the console's own knobs) and `headline, <genre>`. Values: `mae` (0–1), `skill` with
    `skill_low` and `skill_high` (95 % over songs), `songs`. ValueError if a system lacks excerpts.
    """
    conditions = list(dict.fromkeys(records["condition"]))
    pairs = (_pairs(records, system, name, n_resamples, seed) for name in conditions)
    tables = [_knob_rows(one) for one in pairs]
    return pd.concat(tables, axis=1, keys=conditions).rename_axis("knob")


def table_a(records: pd.DataFrame, n_resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Return distances to the finished version. Index: condition, genre (`all` first), system.

    Columns: `songs`; `closeness` (1 − d(mix) / d(rough), STFT) and `closer` (share of songs closer
    than the rough) with their 95 % intervals over songs; mean of every distance.
    """
    rows = {}
    systems = _systems(records)
    for condition in dict.fromkeys(records["condition"]):
        rough = _records_of(records, "rough", condition)
        present = set(records["system"][records["condition"] == condition])
        for genre, chosen in _genres(rough):
            for system in (name for name in systems if name in present):
                mixes = _paired(records, system, rough[chosen], condition)
                key = (condition, genre, system)
                rows[key] = _distance_row(mixes, rough[chosen], n_resamples, seed)
    index = pd.MultiIndex.from_tuples(list(rows), names=["condition", "genre", "system"])
    return pd.DataFrame(list(rows.values()), index=index)


def table_headline(
    records: pd.DataFrame, n_resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Return the headline skill of every system that predicts knobs. Index: system.

    Columns per condition: the skill, `_low`, `_high` and `_songs`; NaN where a system has no
    predictions. A system with predictions for some excerpts only is compared with the mean knobs
    on those.
    """
    columns = [name for name in records if str(name).startswith(ERROR_PREFIX)]
    rows: dict[str, dict[str, float]] = {}
    for condition in dict.fromkeys(records["condition"]):
        chosen = records[records["condition"] == condition]
        for system in _systems(chosen):
            if chosen.loc[chosen["system"] == system, columns].notna().any(axis=None):
                row = _pairs(chosen, system, condition, n_resamples, seed).headline()
                ends = {condition + end: row["skill" + end] for end in ("", LOW, HIGH)}
                ends[condition + SONGS] = row["songs"]
                rows.setdefault(system, {}).update(ends)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")
    return table.loc[[name for name in _systems(records) if name in rows]]


def table_applied(
    records: pd.DataFrame, n_resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Return `table_headline` of the applied knobs. Index: `<system>, applied`.

    Only the systems whose applied knobs differ from the predicted ones; without rows if none does.
    """
    pairs = {
        name: name.removeprefix(APPLIED_PREFIX)
        for name in map(str, records)
        if name.startswith(APPLIED_PREFIX)
    }
    applied, predicted = (records[list(names)].to_numpy(float) for names in (pairs, pairs.values()))
    differs = (np.abs(applied - predicted) > MIN_DIFFERENCE).any(1)
    systems = set(records["system"][differs])
    chosen = records[records["system"].isin({*systems, "mean_knobs"})]
    of_applied = chosen.drop(columns=[*pairs.values()]).rename(columns=pairs)
    table = table_headline(of_applied, n_resamples, seed)
    return table[table.index.isin(systems)].rename(index=APPLIED_ROW.format)


def _systems(records: pd.DataFrame) -> list[str]:
    """Systems in the records, in the order of `SYSTEMS`, then others by name."""
    present = set(records["system"])
    known = [name for name in SYSTEMS if name in present]
    return known + sorted(present - set(known))


class _Pairs(NamedTuple):
    """Records of a system and of `mean_knobs` for the same excerpts under one condition."""

    model: pd.DataFrame
    base: pd.DataFrame
    n_resamples: int
    seed: int

    def skills(self, knobs: Sequence[str], chosen: np.ndarray) -> tuple[list[Estimate], Estimate]:
        errors, baseline = (_errors(frame[chosen], knobs) for frame in (self.model, self.base))
        songs = _songs(self.base[chosen])
        return skill_estimates(errors, baseline, songs, self.n_resamples, self.seed)

    def row(
        self, knobs: Sequence[str], chosen: np.ndarray, skill: Estimate | None = None
    ) -> dict[str, float]:
        """Mean error, number of songs and skill; by default the mean skill of the knobs."""
        model = self.model[chosen]
        estimate = self.skills(knobs, chosen)[1] if skill is None else skill
        mae = float(nan_mean(nan_mean(song_means(_errors(model, knobs), _songs(model)))))
        return {"mae": mae, **_interval("skill", estimate), "songs": estimate.songs}

    def headline(self) -> dict[str, float]:
        knobs = headline_knobs(_knob_names(self.base.columns))
        return self.row(knobs, np.ones(len(self.base), dtype=bool))


def _pairs(
    records: pd.DataFrame, system: str, condition: str, n_resamples: int, seed: int
) -> _Pairs:
    base = _records_of(records, "mean_knobs", condition)
    return _Pairs(_paired(records, system, base, condition), base, n_resamples, seed)


def _knob_rows(pairs: _Pairs) -> pd.DataFrame:
    names = _knob_names(pairs.base.columns)
    headline = headline_knobs(names)
    (_, all_rows), *genres = _genres(pairs.base)
    by_knob, _ = pairs.skills(names, all_rows)
    rows = {
        name: pairs.row([name], all_rows, skill) for name, skill in zip(names, by_knob, strict=True)
    }
    rows["headline"] = pairs.headline()
    rows["all"] = pairs.row([name for name in names if name != DERIVED_KNOB], all_rows)
    for genre, chosen in genres:
        rows[f"headline, {genre}"] = pairs.row(headline, chosen)
    return pd.DataFrame.from_dict(rows, orient="index")


def _distance_row(
    mixes: pd.DataFrame, rough: pd.DataFrame, n_resamples: int, seed: int
) -> dict[str, float]:
    songs = _songs(rough)
    rough_stft = rough["stft"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mixes["stft"].to_numpy(float) / rough_stft
    closeness = np.where(rough_stft > 0, 1.0 - ratio, np.nan)
    estimate = mean_estimate(closeness, songs, n_resamples, seed)
    means = nan_mean(song_means(mixes[list(DISTANCES)].to_numpy(float), songs))
    return {
        "songs": estimate.songs,
        **_interval("closeness", estimate),
        **_interval("closer", share_estimate(closeness, songs, n_resamples, seed)),
        **dict(zip(DISTANCES, means.tolist(), strict=True)),
    }


def _records_of(records: pd.DataFrame, system: str, condition: str) -> pd.DataFrame:
    """Records of a system, indexed by (song_id, take), in their order."""
    chosen = records[(records["system"] == system) & (records["condition"] == condition)]
    if chosen.empty:
        raise ValueError(
            f"no records of system {system!r} under {condition!r}, "
            f"only of {sorted(set(records['system']))}: evaluate that system as well"
        )
    chosen = chosen.assign(take=chosen.groupby("song_id").cumcount())
    return chosen.set_index(["song_id", "take"])


def _paired(records: pd.DataFrame, system: str, base: pd.DataFrame, condition: str) -> pd.DataFrame:
    """Records of a system for the excerpts in `base`, in the order of `base`."""
    own = _records_of(records, system, condition)
    missing = base.index.difference(own.index)
    if len(missing):
        raise ValueError(
            f"system {system!r} under {condition!r} lacks {len(missing)} excerpts, "
            f"the first of song {missing[0][0]!r}: evaluate all systems on the same excerpts"
        )
    return own.loc[base.index]


def _genres(frame: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Genres with their rows as booleans: ("all", all rows) first, then each genre."""
    genre = frame["genre"].fillna("other").astype(str).to_numpy()
    every = [("all", np.ones(len(frame), dtype=bool))]
    return every + [(name, genre == name) for name in sorted(set(genre))]


def _knob_names(columns: Iterable[str]) -> list[str]:
    """Knobs with an error column: those of the headline first, then the others."""
    names = [name.removeprefix(ERROR_PREFIX) for name in columns if name.startswith(ERROR_PREFIX)]
    first = headline_knobs(names)
    return first + [name for name in names if name not in first]


def _errors(frame: pd.DataFrame, knobs: Sequence[str]) -> np.ndarray:
    return frame[[ERROR_PREFIX + name for name in knobs]].to_numpy(float)


def _songs(frame: pd.DataFrame) -> np.ndarray:
    return frame.index.get_level_values(0).to_numpy()


def _interval(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, name + LOW: estimate.low, name + HIGH: estimate.high}
