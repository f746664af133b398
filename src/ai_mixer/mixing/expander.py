"""Upward expander: raises the song's peaks by a few tenths of a dB.

y = x · 10^(E/20 · s), where s rises from 0 at the song's loudness and below to 1 at 12 dB above it.
The level is a peak follower (linked channels, attack 1 ms, release 150 ms).
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.recursions import FASTMATH_FLAGS
from ai_mixer.utils.compilation import njit

SPAN_DB = 12.0
ATTACK_MS, RELEASE_MS = 1.0, 150.0


def expand(
    blocks: Iterable[Tensor], sample_rate: int, expand_db: float, loudness_lufs: float
) -> Iterator[Tensor]:
    """Expand blocks [C, n]. expand_db: gain of the loudest moments. Yields [C, n]."""
    poles = [math.exp(-1000 / (time_ms * sample_rate)) for time_ms in (ATTACK_MS, RELEASE_MS)]
    low = 10 ** (loudness_lufs / 20)
    state = np.zeros(1)
    for block in blocks:
        rows = block.double().numpy().copy()
        _expand(rows, state, poles[0], poles[1], low, SPAN_DB, expand_db)
        yield torch.from_numpy(rows).to(block)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _expand(rows, state, attack, release, low, span_db, expand_db):  # type: ignore[no-untyped-def]
    level = state[0]
    for n in range(rows.shape[1]):
        peak = 0.0
        for channel in range(rows.shape[0]):
            peak = max(peak, abs(rows[channel, n]))
        pole = attack if peak > level else release
        level = pole * level + (1.0 - pole) * peak
        if level > low:
            share = min(20.0 * math.log10(level / low) / span_db, 1.0)
            gain = 10.0 ** (expand_db * share / 20.0)
            for channel in range(rows.shape[0]):
                rows[channel, n] *= gain
    state[0] = level
