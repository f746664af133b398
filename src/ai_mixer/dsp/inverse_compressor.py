"""Inverse of the compressor.

Gorlow & Reiss, "Model-based inversion of dynamic range compression", IEEE TASLP 21(7), 2013. In dB
an output sample is Y = L + g with L the input level and g = α g₋₁ + (1 − α) c(L) the smoothed gain.
The right-hand side increases strictly with L, so each Y has one L. The static curve c consists of
a flat, a quadratic, a linear and a capped piece, each with a closed form of L.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.compressor import StaticCurve, settings_rows
from ai_mixer.dsp.operators import empty_like, operator
from ai_mixer.dsp.peak_levels import NEPERS_PER_DB, levels_db
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS, run_on_rows
from ai_mixer.utils.compilation import njit


def invert_compressor(
    y: Tensor, slope: Tensor, poles: Sequence[float] | Tensor, curve: StaticCurve
) -> Tensor:
    """Return the x for which `compress` with the same arguments gives y, [B, C, T]. No gradient."""
    settings = [*map(float, poles), *curve]
    x: Tensor = _inverse_compressor(y.detach(), slope.detach(), settings)
    return x


@operator(empty_like(0), n_batched=2)
def _inverse_compressor(y: Tensor, slope: Tensor, settings: Sequence[float]) -> Tensor:
    levels = levels_db(y)
    gain_db = np.empty_like(levels)
    run_on_rows(inverse_gain_rows, levels, settings_rows(slope, settings).numpy(), gain_db)
    ratio = torch.from_numpy(gain_db).mul_(-NEPERS_PER_DB).exp_()
    return y * ratio.to(y)[:, None]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def inverse_gain_rows(levels, settings, gain_db):  # type: ignore[no-untyped-def]
    """Gain in dB that gave the levels, [B, T]. settings: [B, 6]."""
    for row in range(levels.shape[0]):
        inverse_gain_row(levels[row], settings[row], gain_db[row])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def inverse_gain_row(levels, settings, gain_db):  # type: ignore[no-untyped-def]
    """Gain in dB that gave the levels of one song."""
    slope, attack, release = settings[0], settings[1], settings[2]
    threshold, knee, cap = settings[3], settings[4], settings[5]
    knee_start = threshold - 0.5 * knee
    falls = _piece_coefficients(attack, slope, cap, knee)
    recovers = _piece_coefficients(release, slope, cap, knee)
    g = 0.0
    for n in range(levels.shape[0]):
        out = levels[n] - knee_start
        # All functions are monotonic: if the gain with the attack pole falls, attack applies.
        falling = _next_inverse_gain(g, out, *falls)
        rising = _next_inverse_gain(g, out, *recovers)
        g = falling if falling < g else rising
        if abs(g) < DENORMAL_LIMIT:
            g = 0.0
        gain_db[n] = g


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _piece_coefficients(pole, slope, cap, knee):  # type: ignore[no-untyped-def]
    """Constants of `_next_inverse_gain` for one pole, computed once to avoid divisions."""
    share = (1.0 - pole) * slope  # share of the static curve in one sample
    linear = knee * (1.0 - 0.5 * share)  # output level at the end of the knee
    steep, offset = 1.0 / (1.0 - share), 0.5 * share * knee
    return pole, 2.0 * share / knee, linear, steep, offset, (1.0 - pole) * cap


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _next_inverse_gain(g, out, pole, bend, linear, steep, offset, cap):  # type: ignore[no-untyped-def]
    """Gain in dB after g: out − L, where the level L solves L + (1 − α) c(L) = out − α g.

    out and L are relative to the start of the knee.
    """
    decayed = pole * g
    rest = out - decayed
    if rest <= 0.0:
        return decayed
    if rest < linear:
        level = 2.0 * rest / (1.0 + math.sqrt(1.0 - bend * rest))
    else:
        level = (rest - offset) * steep
    # The capped curve is the maximum of two curves, so its root is the smaller of the two.
    return decayed + max(rest - level, -cap)
