"""A compressor run backwards: from its output, what its gain was.

Gorlow & Reiss, "Model-based inversion of dynamic range compression", IEEE TASLP 21(7), 2013. In dB
an output sample is Y = L + g with L the input level and g = α g₋₁ + (1 − α) c(L) the smoothed gain.
Its right-hand side rises strictly with L, so there is one L for every Y; c, the static curve, is
made of a flat, a quadratic, a linear and a capped piece, so L has a closed form in each.
"""

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from ai_mixer.dsp.compression import StaticCurve
from ai_mixer.dsp.recursions import TINY, as_rows, over_rows


def smooth_gain_of_output(
    level_db: Tensor, slope: Tensor, poles: Tensor, curve: StaticCurve
) -> Tensor:
    """The compressor's gain g in dB at every sample of its output.

    level_db: [B, T] float64, the loudest channel of the output; slope: [B], 1 − 1/ratio; poles:
    attack and release coefficients [2]. Returns [B, T] float64. No gradient.
    """
    levels = as_rows(level_db.double())
    batch = len(levels)
    settings = np.empty((batch, 6))
    settings[:, 0] = slope.detach().double().cpu().numpy()
    settings[:, 1:3] = poles.detach().double().cpu().numpy()
    settings[:, 3:] = curve
    gain_db = np.empty_like(levels)
    over_rows(_solve, levels, settings, gain_db)
    return torch.from_numpy(gain_db).to(level_db.device)


@njit(cache=True, nogil=True)
def _solve(levels, settings, gain_db):  # type: ignore[no-untyped-def]
    for row in range(levels.shape[0]):
        slope, attack, release, threshold, knee, cap = settings[row]
        knee_start = threshold - 0.5 * knee
        g = 0.0
        for n in range(levels.shape[1]):
            out = levels[row, n] - knee_start
            # Were the gain to stay at g, would the curve ask for more reduction or for less? The
            # answer is that of the true level, because everything is monotone.
            pole = attack if _curve(out - g, slope, knee, cap) < g else release
            held = pole * g
            level = _level(out - held, (1.0 - pole) * slope, (1.0 - pole) * cap, knee)
            g = held + (1.0 - pole) * _curve(level, slope, knee, cap)
            if abs(g) < TINY:
                g = 0.0
            gain_db[row, n] = g


@njit(cache=True, nogil=True)
def _curve(level: Any, slope: Any, knee: Any, cap: Any) -> Any:
    """Static gain c in dB at a level counted from the start of the knee."""
    if level <= 0.0:
        return 0.0
    if level < knee:
        return max(-slope * level * level / (2.0 * knee), -cap)
    return max(-slope * (level - 0.5 * knee), -cap)


@njit(cache=True, nogil=True)
def _level(out: Any, slope: Any, cap: Any, knee: Any) -> Any:
    """The level L with L + c(L) = out; both counted from the start of the knee."""
    if out <= 0.0:
        return out
    if out < knee * (1.0 - 0.5 * slope):
        level = 2.0 * out / (1.0 + np.sqrt(1.0 - 2.0 * slope * out / knee))
    else:
        level = (out - 0.5 * slope * knee) / (1.0 - slope)
    return min(level, out + cap)  # the cap makes the curve the larger of two: its root the smaller
