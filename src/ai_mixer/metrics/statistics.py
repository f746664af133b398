"""Estimates with confidence intervals over songs; excerpts of a song are not independent.

Every value is the mean over songs of the mean of each song, so that a song with many excerpts
counts once. Its 95 % interval is the percentile bootstrap over songs (Efron & Tibshirani, An
Introduction to the Bootstrap, 1993, ch. 13). NaN values (masked knobs) are left out, and so is a
song with NaN values only.

`reportable` decides how much of an estimate is shown: two songs say nothing about others.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from ai_mixer.metrics.knob_skill import skill
from ai_mixer.utils.markdown import HIGH, LOW, SONGS

RESAMPLES = 2000
CONFIDENCE = 0.95
MIN_SONGS = 3  # independent songs; fewer: no figure
MIN_SONGS_FOR_INTERVAL = 8  # fewer: no interval; the bootstrap of a few songs is far too narrow
MAX_SIGN_FLIPS = 20_000  # random sign flips, used for more songs than MAX_EXHAUSTIVE_SONGS
MAX_EXHAUSTIVE_SONGS = 16


class Estimate(NamedTuple):
    """A value, its interval and its number of songs."""

    value: float
    low: float
    high: float
    songs: int


def reportable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the figures that rest on too few songs.

    A figure of fewer than `MIN_SONGS` songs is NaN, and so is the interval of a figure (columns
    `<name>_low` and `<name>_high`) of fewer than `MIN_SONGS_FOR_INTERVAL`. The number of songs of
    a column is in `<name>_songs`, else in the column `songs`; columns without either stay.
    """
    shown = table.copy()
    for column in table.columns:
        name = _last(column)
        base = name.removesuffix(LOW).removesuffix(HIGH)
        counts = [_with_last(column, base + SONGS), _with_last(column, SONGS.lstrip("_"))]
        counted = next((key for key in counts if key in table.columns), None)
        numeric = pd.api.types.is_numeric_dtype(table[column])
        if counted is None or not numeric or name.endswith(SONGS) or name == "songs":
            continue
        needed = MIN_SONGS if base == name else MIN_SONGS_FOR_INTERVAL
        shown[column] = table[column].where(table[counted] >= needed)
    return shown


def few_songs_note(songs: int) -> str:
    """Return why a figure or its interval is missing; empty if both are shown."""
    if songs < MIN_SONGS:
        return f"no figure below {MIN_SONGS} songs"
    return f"no interval below {MIN_SONGS_FOR_INTERVAL}" if songs < MIN_SONGS_FOR_INTERVAL else ""


def estimate_columns(name: str, estimate: Estimate) -> dict[str, float]:
    """Return the columns of an estimate: value, both ends of the interval, number of songs."""
    return {
        name: estimate.value,
        name + LOW: estimate.low,
        name + HIGH: estimate.high,
        name + SONGS: estimate.songs,
    }


def song_means(values: np.ndarray, songs: np.ndarray) -> np.ndarray:
    """Compute the mean per song without NaN: values [n, …], songs [n] ids → [S, …], sorted ids."""
    values = np.asarray(values, float)
    _, index = np.unique(np.asarray(songs), return_inverse=True)
    total = np.zeros((index.max() + 1, *values.shape[1:]))
    count = np.zeros_like(total)
    np.add.at(total, index, np.nan_to_num(values))
    np.add.at(count, index, ~np.isnan(values))
    return _divide(total, count)


def nan_mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Compute `np.nanmean`, but NaN without a warning if all values are NaN."""
    return _divide(np.nansum(values, axis), (~np.isnan(values)).sum(axis))


def bootstrap_means(
    per_song: np.ndarray, n_resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """Compute means over songs drawn with replacement: [S, …] → [resamples, …].

    Calls with the same seed and number of songs draw the same songs, so they are paired.
    """
    songs = len(per_song)
    draws = np.random.default_rng(seed).multinomial(songs, np.full(songs, 1 / songs), n_resamples)
    total = np.tensordot(draws, np.nan_to_num(per_song), 1)
    return _divide(total, np.tensordot(draws, (~np.isnan(per_song)).astype(float), 1))


def mean_estimate(
    values: np.ndarray, songs: np.ndarray, n_resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Estimate the mean over songs. values: [n]; songs: [n] ids.

    For a paired comparison of two systems, give the differences per example.
    """
    per_song = song_means(values, songs)
    return _estimate(
        nan_mean(per_song), bootstrap_means(per_song, n_resamples, seed), _song_count(per_song)
    )


def difference_estimate(
    a: np.ndarray, b: np.ndarray, songs: np.ndarray, n_resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Estimate the mean over songs of a − b on the same examples."""
    return mean_estimate(np.asarray(a, float) - np.asarray(b, float), songs, n_resamples, seed)


def share_estimate(
    values: np.ndarray, songs: np.ndarray, n_resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Estimate the share of songs with a mean above 0. values: [n]; songs: [n] ids."""
    per_song = song_means(values, songs)
    above = np.where(np.isnan(per_song), np.nan, per_song > 0)
    return _estimate(nan_mean(above), bootstrap_means(above, n_resamples, seed), _song_count(above))


def fold_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the mean over K folds and its 95 % interval: values [K, …] → mean, low, high […].

    Student's t with K − 1 degrees of freedom. NaN values are left out; the interval of a single
    fold is NaN.
    """
    values = np.asarray(values, float)
    count = (~np.isnan(values)).sum(0)
    mean = nan_mean(values)
    variance = _divide(np.nansum((values - mean) ** 2, 0), np.maximum(count - 1, 0))
    half = student_t.ppf(0.5 + CONFIDENCE / 2, np.maximum(count - 1, 1)) * np.sqrt(
        _divide(variance, count)
    )
    return mean, mean - half, mean + half


def sign_flip_test(differences: np.ndarray, draws: int = MAX_SIGN_FLIPS, seed: int = 0) -> float:
    """Compute the two-sided p-value of "the mean is 0". differences: [S], paired; NaN left out.

    Under the null hypothesis the sign of each difference is random: p is the share of the 2^S sign
    choices whose mean is as far from 0 as the observed one (Fisher, The Design of Experiments,
    1935, §21). Exhaustive for up to 16 songs; for more, `draws` random choices and the observed one
    (Phipson & Smyth, SAGMB 9(1), 2010). 1 if all differences are 0, NaN without songs.
    """
    known = np.asarray(differences, float)
    known = known[~np.isnan(known)]
    if not known.size:
        return math.nan
    if known.size <= MAX_EXHAUSTIVE_SONGS:
        bits = np.arange(2**known.size)[:, None] >> np.arange(known.size)
        means = (1 - 2 * (bits & 1)) @ known
    else:
        rng = np.random.default_rng(seed)
        signs = rng.choice((-1.0, 1.0), (draws, known.size))
        means = np.append(signs @ known, known.sum())
    seen = abs(known.sum()) - 1e-9 * np.abs(known).sum()  # tolerance for rounding
    return float(np.mean(np.abs(means) >= seen))


def holm_correction(p: np.ndarray) -> np.ndarray:
    """Adjust the p-values of a family to control its family-wise error rate: [n] → [n].

    Step-down: the k-th smallest times n − k + 1, not smaller than the one before, at most 1 (Holm,
    Scand. J. Statistics 6(2), 1979). NaN (a test that could not be computed) is not counted.
    """
    p = np.asarray(p, float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = p.copy()
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def skill_estimates(
    errors: np.ndarray,
    baseline: np.ndarray,
    songs: np.ndarray,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[list[Estimate], Estimate]:
    """Estimate the skill of each knob and its mean. errors, baseline: [n, K]; songs: [n] ids.

    A skill is 1 − a ratio of two means over songs: the same songs are drawn for model and baseline,
    and the mean over knobs is computed within each draw, so the difficulty of songs cancels. Pairs
    with an unknown error (NaN) are left out.
    """
    errors, baseline = np.asarray(errors, float), np.asarray(baseline, float)
    unknown = np.isnan(errors) | np.isnan(baseline)
    pair = np.stack([np.where(unknown, np.nan, x) for x in (errors, baseline)], -1)
    per_song = song_means(pair, songs)  # [S, K, 2]
    centre = skill(*np.moveaxis(nan_mean(per_song), -1, 0))
    draws = skill(*np.moveaxis(bootstrap_means(per_song, n_resamples, seed), -1, 0))  # [R, K]
    knobs = [
        _estimate(centre[k], draws[:, k], _song_count(per_song[:, k, 0]))
        for k in range(len(centre))
    ]
    counted = ~np.isnan(centre)  # a draw without a knob averages the others
    mean = _estimate(
        nan_mean(centre), nan_mean(draws[:, counted], 1), _song_count(per_song[..., 0])
    )
    return knobs, mean


def _estimate(value: np.ndarray, draws: np.ndarray, songs: int) -> Estimate:
    draws = draws[~np.isnan(draws)]
    if draws.size == 0:
        return Estimate(float(value), np.nan, np.nan, songs)
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail])
    return Estimate(float(value), float(low), float(high), songs)


def _last(column: Any) -> str:
    return str(column[-1] if isinstance(column, tuple) else column)


def _with_last(column: Any, name: str) -> Any:
    return (*column[:-1], name) if isinstance(column, tuple) else name


def _song_count(per_song: np.ndarray) -> int:
    known = ~np.isnan(per_song)
    return int(known.reshape(len(known), -1).any(1).sum())


def _divide(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(count) > 0, np.divide(total, count), np.nan)
