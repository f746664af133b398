"""Confidence over songs: several excerpts of a song are one piece of evidence, not several.

Every number is a mean over songs of each song's own mean (so a song with many excerpts counts
once), and its 95 % interval is the percentile bootstrap that draws songs with replacement (Efron
& Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13). Records that miss a value (NaN, a
masked knob) are left out; a song that misses all of them is no evidence about it.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student_t

from ai_mixer.metrics.knob_skill import skill

RESAMPLES = 2000
CONFIDENCE = 0.95
MAX_SIGN_FLIPS = 20_000  # choices of signs by lot …
MAX_EXHAUSTIVE_SONGS = 16  # … where there are more songs than these


class Estimate(NamedTuple):
    """A number, its interval and how many songs it rests on."""

    value: float
    low: float
    high: float
    songs: int


def song_means(values: np.ndarray, songs: np.ndarray) -> np.ndarray:
    """Mean per song, NaN left out: values [n, …], songs [n] ids → [S, …], ids in sorted order."""
    values = np.asarray(values, float)
    _, index = np.unique(np.asarray(songs), return_inverse=True)
    total = np.zeros((index.max() + 1, *values.shape[1:]))
    count = np.zeros_like(total)
    np.add.at(total, index, np.nan_to_num(values))
    np.add.at(count, index, ~np.isnan(values))
    return _divide(total, count)


def nan_mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Like `np.nanmean`, but all-NaN gives NaN without a warning."""
    return _divide(np.nansum(values, axis), (~np.isnan(values)).sum(axis))


def bootstrap_means(
    per_song: np.ndarray, n_resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """Means over songs drawn with replacement: [S, …] → [resamples, …].

    The same seed and number of songs draw the same songs, so that two calls are paired.
    """
    songs = len(per_song)
    draws = np.random.default_rng(seed).multinomial(songs, np.full(songs, 1 / songs), n_resamples)
    total = np.tensordot(draws, np.nan_to_num(per_song), 1)
    return _divide(total, np.tensordot(draws, (~np.isnan(per_song)).astype(float), 1))


def mean_estimate(
    values: np.ndarray, songs: np.ndarray, n_resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Mean over songs with its interval. values: [n]; songs: [n] ids.

    For a paired comparison give the differences of the two systems, example by example.
    """
    per_song = song_means(values, songs)
    return _estimate(
        nan_mean(per_song), bootstrap_means(per_song, n_resamples, seed), _song_count(per_song)
    )


def difference_estimate(
    a: np.ndarray, b: np.ndarray, songs: np.ndarray, n_resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Mean over songs of a − b on the same examples; an interval without 0 is a difference."""
    return mean_estimate(np.asarray(a, float) - np.asarray(b, float), songs, n_resamples, seed)


def share_estimate(
    values: np.ndarray, songs: np.ndarray, n_resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Share of songs whose mean is above 0, with its interval. values: [n]; songs: [n] ids."""
    per_song = song_means(values, songs)
    above = np.where(np.isnan(per_song), np.nan, per_song > 0)
    return _estimate(nan_mean(above), bootstrap_means(above, n_resamples, seed), _song_count(above))


def fold_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over K folds and its 95 % interval: values [K, …] → mean, low, high […].

    Student's t with K − 1 degrees of freedom. NaN, a fold in which nothing counted, is left out; of
    a single fold there is no interval (NaN).
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
    """Two-sided p-value of "the mean is 0": paired differences of S songs, [S]; NaN is left out.

    If nothing differs, each difference might as well have the other sign: p is the share of all
    2^S choices of signs whose mean is as far from 0 as the one seen (Fisher, The Design of
    Experiments, 1935, §21). All of them for up to 16 songs; for more, `draws` by lot and the one
    seen (Phipson & Smyth, SAGMB 9(1), 2010). 1 where nothing differs, NaN without any song.
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
    seen = abs(known.sum()) - 1e-9 * np.abs(known).sum()  # sums in another order round otherwise
    return float(np.mean(np.abs(means) >= seen))


def holm_correction(p: np.ndarray) -> np.ndarray:
    """p-values of a family, so that none below 5 % is wrong in 95 of 100 families: [n] → [n].

    Step-down: the k-th smallest times n − k + 1, never smaller than the one before, at most 1
    (Holm, Scand. J. Statistics 6(2), 1979). NaN, a test that could not be made, is not counted.
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
    """Skill of each knob and the mean skill over them. errors, baseline: [n, K]; songs: [n] ids.

    A skill is a ratio of two means over songs: model and baseline are drawn together, and the mean
    over knobs is taken inside each draw, so songs that are hard for both cancel. A pair counts
    where both errors are known.
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
    counted = ~np.isnan(centre)  # a draw that misses a knob altogether averages the others
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


def _song_count(per_song: np.ndarray) -> int:
    known = ~np.isnan(per_song)
    return int(known.reshape(len(known), -1).any(1).sum())


def _divide(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(count) > 0, np.divide(total, count), np.nan)
