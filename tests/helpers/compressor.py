"""A compressor as a loop over the published equations."""

import math

import numpy as np


def compress_in_a_loop(x, rate, makeup_db, *, threshold_db, ratio, attack_ms, release_ms, knee_db):
    """Giannoulis et al. 2012, equations 4 and 16, one sample after another."""
    gain, y = 0.0, np.empty_like(x)
    for n in range(x.shape[1]):
        level = 20 * math.log10(max(abs(x[:, n]).max(), 1e-6))
        over = level - threshold_db
        if 2 * over < -knee_db:
            out = level
        elif 2 * abs(over) <= knee_db:
            out = level + (1 / ratio - 1) * (over + knee_db / 2) ** 2 / (2 * knee_db)
        else:
            out = threshold_db + over / ratio
        target = out - level
        time_ms = attack_ms if target < gain else release_ms
        pole = math.exp(-1 / (time_ms / 1000 * rate))
        gain = pole * gain + (1 - pole) * target
        y[:, n] = x[:, n] * 10 ** ((gain + makeup_db) / 20)
    return y
