"""Limiter for blocks of one signal: the gain of `dsp.required_gain` and `dsp.lookahead`, applied.

One compiled function with explicit state and work space; `console.process` calls it.
"""

import math
from typing import NamedTuple

import numpy as np

from ai_mixer.dsp.compressor import NEPERS_PER_DB
from ai_mixer.dsp.lookahead import Ballistics, advance_rows, initial_state
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.required_gain import (
    CONTEXT_SAMPLES,
    PruningBounds,
    init_scratch,
    peak_filters,
    required_gain_rows,
)
from ai_mixer.dsp.streaming_chain import sources_version
from ai_mixer.utils.compilation import njit


class StreamingLimiter(NamedTuple):
    """Limiter of one signal with its state and work space.

    Ratios to full scale: peaks over `threshold` are brought to `target`. delayed: [1, C, L + N],
    the last L samples of input and up to N new ones, of the audio's type. gain_db: [1, N] float64.
    numbers, counts: state of `lookahead.advance_rows`. reduction_db: [1], the largest gain
    reduction so far. Others: filters and work space of `required_gain_rows`, and empty arrays.
    """

    threshold: float
    target: float
    ballistics: Ballistics
    bounds: PruningBounds
    delayed: Array
    gain_db: Array
    numbers: Array
    counts: Array
    reduction_db: Array
    sharp: Array
    soft: Array
    scratch: Array
    origins: Array
    choices: Array


def init_limiter(
    threshold: float,
    target: float,
    ballistics: Ballistics,
    oversample: int,
    audio: Array,
) -> StreamingLimiter:
    """Create the state for blocks of the shape and type of `audio`, [C, N], or shorter ones."""
    channels, block_size = audio.shape
    before = 2 * CONTEXT_SAMPLES + ballistics.latency
    return StreamingLimiter(
        threshold,
        target,
        ballistics,
        PruningBounds(),
        np.zeros((1, channels, before + block_size), audio.dtype),
        np.zeros((1, block_size)),
        *initial_state(1, ballistics),
        np.zeros(1),
        *peak_filters(oversample, audio.dtype),
        init_scratch(audio.dtype),
        np.empty((1, 0), np.int64),
        np.empty((1, 2, 0)),
    )


@njit(cache=True, nogil=True)
def samples_before(limiter):  # type: ignore[no-untyped-def]
    """Number of earlier samples in `delayed`: new ones are written behind them."""
    return 2 * CONTEXT_SAMPLES + limiter.ballistics.ramp + limiter.ballistics.guard


def _compile(version: int):  # type: ignore[no-untyped-def]
    @njit(cache=True, nogil=True, error_model="numpy")
    def limit_block(out, limiter):  # type: ignore[no-untyped-def]
        """Write the next n limited samples, delayed by CONTEXT_SAMPLES + latency, to out [C, n].

        The input is in `delayed` from `samples_before` on. It is unchanged bit for bit if no peak
        requires a reduction. The result does not depend on the block sizes, except for rounding.
        """
        assert version >= 0
        channels, length = out.shape
        delayed, before = limiter.delayed, samples_before(limiter)
        gain_db = limiter.gain_db[:, :length]
        required_gain_rows(
            delayed[:, :, before - 2 * CONTEXT_SAMPLES : before + length],
            gain_db,
            limiter.scratch,
            limiter.sharp,
            limiter.soft,
            limiter.threshold,
            limiter.target,
            limiter.bounds,
        )
        advance_rows(
            gain_db,
            limiter.numbers,
            limiter.counts,
            gain_db,
            limiter.origins,
            limiter.choices,
            limiter.ballistics,
        )
        lowest = 0.0
        for n in range(length):
            ratio = 1.0
            if gain_db[0, n] < 0.0:
                lowest = min(lowest, gain_db[0, n])
                ratio = math.exp(gain_db[0, n] * NEPERS_PER_DB)
            for channel in range(channels):
                out[channel, n] = ratio * delayed[0, channel, CONTEXT_SAMPLES + n]
        limiter.reduction_db[0] = max(limiter.reduction_db[0], -lowest)
        for channel in range(channels):
            for n in range(before):
                delayed[0, channel, n] = delayed[0, channel, n + length]

    return limit_block


limit_block = _compile(sources_version())
