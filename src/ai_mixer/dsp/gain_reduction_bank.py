"""Mean gain reduction per hop of a bank of compressors.

Uses the recursion of `dsp.compressor`, once per compressor on shared levels, without rendering
audio or storing gains per sample.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.compressor import StaticCurve, next_gain_db
from ai_mixer.dsp.operators import operator
from ai_mixer.dsp.peak_levels import levels_db
from ai_mixer.dsp.recursions import FASTMATH_FLAGS, run_on_rows
from ai_mixer.utils.compilation import njit

SETTINGS = 6  # per compressor: slope, attack, release, threshold, knee, cap


def mean_gain_reductions_db(
    x: Tensor, curves: Sequence[StaticCurve], poles: tuple[float, float], hop: int, frames: int
) -> Tensor:
    """Mean gain reduction per hop in dB, at least 0: [B, C, T] → [B, curves, frames].

    Slope 1 (infinite ratio) up to the cap of the curve. poles: attack and release coefficients
    α = e^(−1 / (τ · rate)). Frame f is the mean over the samples of the hop centred on sample
    f · hop; frames after the end are 0. No gradient.
    """
    settings = [number for curve in curves for number in (1.0, *poles, *curve)]
    reductions: Tensor = _mean_gain_reductions(x.detach(), settings, hop, frames)
    return reductions


def _fake_reductions(x: Tensor, settings: Sequence[float], hop: int, frames: int) -> Tensor:
    return x.new_empty(len(x), len(settings) // SETTINGS, frames)


@operator(_fake_reductions)
def _mean_gain_reductions(x: Tensor, settings: Sequence[float], hop: int, frames: int) -> Tensor:
    level_db, rows = levels_db(x), np.array(settings).reshape(-1, SETTINGS)
    out = np.zeros((len(level_db), len(rows), frames))
    hops = np.full(len(level_db), hop)
    run_on_rows(_average_rows, level_db, np.broadcast_to(rows, (len(out), *rows.shape)), hops, out)
    return torch.from_numpy(out).to(x)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _average_rows(level_db: Any, settings: Any, hops: Any, out: Any) -> None:
    for song in range(level_db.shape[0]):
        for number in range(settings.shape[1]):
            average_row(level_db[song], settings[song, number], hops[song], out[song, number])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def average_row(level_db: Any, settings: Any, hop: Any, out: Any) -> None:
    """Mean reduction per hop of one compressor."""
    slope, attack, release = settings[0], settings[1], settings[2]
    threshold, knee, cap = settings[3], settings[4], settings[5]
    knee_start, samples = threshold - 0.5 * knee, level_db.shape[0]
    g, end = 0.0, hop - hop // 2
    for frame in range(out.shape[0]):
        start, total = max(0, end - hop), 0.0
        for n in range(start, min(end, samples)):
            over = level_db[n] - knee_start
            g = next_gain_db(g, over, slope, attack, release, knee, cap)
            total -= g
        count = min(end, samples) - start
        out[frame] = total / count if count > 0 else 0.0
        end += hop
