"""Tables of protocol S and of the scores, from records."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from ai_mixer.metrics.knob_use import AT_BOUNDS, POSITION_PREFIX
from ai_mixer.metrics.standards import BANDS, CHECKS, PREFIX, Check
from ai_mixer.metrics.statistics import RESAMPLES, mean_estimate, nan_mean, song_means
from ai_mixer.utils.markdown import HIGH, LOW

MEANS = ("loudness_lufs", "true_peak_dbtp", "crest_db", "centroid_ratio", "rms_ratio")
BAND_COLUMNS = tuple(f"{band}{kind}_db" for kind in ("", "_error") for band in BANDS)
SCORES = ("score/", "speech/")
INDEX = ["condition", "genre", "system"]

RowFunction = Callable[[pd.DataFrame, np.ndarray], dict[str, float]]
"""(records of one table row, song id of each record) → cells of the row."""


def table_s(records: pd.DataFrame, n_resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Return how often each standard is met. Index: condition, genre (`all` first), system.

    Columns: `songs`; the mean of the main values; per check the share of songs (of a song's
    excerpts, if it has several) inside its interval, with its 95 % interval over songs; and for
    systems with knobs `at_bounds` (share of the knobs) and `spread` (standard deviation of a knob's
    position over songs, mean over knobs). Columns missing in the records are left out.
    """
    means = [name for name in MEANS if PREFIX + name in records]
    checks = {label: check for label, check in CHECKS.items() if PREFIX + check.column in records}
    has_knobs = AT_BOUNDS in records

    def row(frame: pd.DataFrame, songs: np.ndarray) -> dict[str, float]:
        cells = {"songs": len(set(songs)), **_means(frame, means, songs)}
        for label, check in checks.items():
            inside = _within_limits(frame, check)
            share = mean_estimate(inside, songs, n_resamples, seed)
            cells |= {label: share.value, label + LOW: share.low, label + HIGH: share.high}
        return {**cells, **(_knob_use(frame, songs) if has_knobs else {})}

    return _table(records, row)


def table_bands(records: pd.DataFrame) -> pd.DataFrame:
    """Return the mean share of each band and its error to the finished version, in dB.

    Index as in `table_s`; the first column is `songs`.
    """
    return _table(
        records,
        lambda frame, songs: {"songs": len(set(songs)), **_means(frame, BAND_COLUMNS, songs)},
    )


def table_scores(records: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over songs of every score and speech metric, for systems that have them.

    Index: condition, system; columns: `songs`, then the score columns of the records.
    """
    columns = [name for name in records if str(name).startswith(SCORES)]
    known = records.dropna(subset=columns, how="all") if columns else records.iloc[:0]
    per_song = known.groupby(["condition", "system", "song_id"], sort=False)[columns].mean()
    by_system = per_song.groupby(["condition", "system"], sort=False)
    means = by_system.mean()
    means.insert(0, "songs", by_system.size())
    return means


def _table(records: pd.DataFrame, row: RowFunction) -> pd.DataFrame:
    rows = {key: row(frame, frame["song_id"].to_numpy()) for key, frame in _parts(records)}
    index = pd.MultiIndex.from_tuples(list(rows), names=INDEX)
    return pd.DataFrame(list(rows.values()), index=index)


def _parts(records: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Yield records by condition, genre and system in record order; genre `all` first."""
    genres = records["genre"].fillna("other").astype(str)
    for condition in dict.fromkeys(records["condition"]):
        for genre in ("all", *sorted(set(genres))):
            chosen = records[(records["condition"] == condition)]
            chosen = chosen if genre == "all" else chosen[genres[chosen.index] == genre]
            for system in dict.fromkeys(chosen["system"]):
                yield (condition, genre, system), chosen[chosen["system"] == system]


def _means(frame: pd.DataFrame, names: Sequence[str], songs: np.ndarray) -> dict[str, float]:
    values = frame[[PREFIX + name for name in names]].to_numpy(float)
    return dict(zip(names, nan_mean(song_means(values, songs)).tolist(), strict=True))


def _within_limits(frame: pd.DataFrame, check: Check) -> np.ndarray:
    """1 inside the interval, 0 outside, NaN where the value is unknown: [n]."""
    values = frame[PREFIX + check.column].to_numpy(float)
    inside = (values >= check.low) & (values <= check.high)
    return np.where(np.isnan(values), np.nan, inside)


def _knob_use(frame: pd.DataFrame, songs: np.ndarray) -> dict[str, float]:
    at_bounds = float(nan_mean(song_means(frame[AT_BOUNDS].to_numpy(float), songs)))
    positions = [name for name in frame if str(name).startswith(POSITION_PREFIX)]
    per_song = song_means(frame[positions].to_numpy(float), songs)
    deviation = np.sqrt(nan_mean((per_song - nan_mean(per_song)) ** 2))
    return {"at_bounds": at_bounds, "spread": float(nan_mean(deviation))}
