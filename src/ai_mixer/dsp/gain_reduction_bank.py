"""What a bank of compressors would take away from a sound, read off like needles: a mean per hop.

The recursion is the console's own (`dsp.compression`), run once per setting over levels that are
measured once; nothing is rendered and no track of samples is kept.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from ai_mixer.dsp.compressor import StaticCurve, levels_db, next_gain_db
from ai_mixer.dsp.recursions import FASTMATH_FLAGS, run_on_rows


def mean_gain_reductions_db(
    x: Tensor, curves: Sequence[StaticCurve], poles: tuple[float, float], hop: int, frames: int
) -> Tensor:
    """Mean gain reduction around every `hop`-th sample: [B, C, T] → [B, curves, frames], dB ≥ 0.

    Everything over the threshold is taken away (slope 1, a ratio of infinity), up to the curve's
    cap. poles: attack and release coefficients α = e^(−1 / (τ · rate)). Frame f is the mean over
    the hop centred on sample f · hop, as far as there are samples; beyond the end it is 0. No
    gradient; computed on the CPU.
    """
    level_db = levels_db(x)
    settings = np.array([(1.0, *poles, *curve) for curve in curves])
    out = np.zeros((len(level_db), len(curves), frames))
    hops = np.full(len(level_db), hop)
    run_on_rows(
        _average_rows, level_db, np.broadcast_to(settings, (len(out), *settings.shape)), hops, out
    )
    return torch.from_numpy(out).to(x)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _average_rows(level_db: Any, settings: Any, hops: Any, out: Any) -> None:
    for song in range(level_db.shape[0]):
        samples, hop = level_db.shape[1], hops[song]
        for number in range(settings.shape[1]):
            slope, attack, release, threshold, knee, cap = settings[song, number]
            knee_start = threshold - 0.5 * knee
            g, end = 0.0, hop - hop // 2
            for frame in range(out.shape[2]):
                start, total = max(0, end - hop), 0.0
                for n in range(start, min(end, samples)):
                    over = level_db[song, n] - knee_start
                    g = next_gain_db(g, over, slope, attack, release, knee, cap)
                    total -= g
                heard = min(end, samples) - start
                out[song, number, frame] = total / heard if heard > 0 else 0.0
                end += hop
