"""Limiter for blocks of one signal: the gain of `dsp.required_gain` and `dsp.lookahead`, applied.

Compiled functions over one array of memory, which holds state and work space; `console.process`
calls them.
"""

import math
from typing import NamedTuple

import numpy as np

from ai_mixer.dsp.compressor import NEPERS_PER_DB
from ai_mixer.dsp.lookahead import COUNTS, FLOATS, Ballistics, advance_rows
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.required_gain import (
    BLOCK_SAMPLES,
    CONTEXT_SAMPLES,
    PruningBounds,
    required_gain_rows,
)
from ai_mixer.utils.compilation import njit

GUARD_SAMPLES = CONTEXT_SAMPLES  # samples on each side that a value between samples depends on
MIN_RAMP_SAMPLES = 16  # a steeper gain would cause new peaks between samples
BOUNDS = PruningBounds()
SCRATCH_ROWS = 4

# Memory: these numbers, then the buffers of `StreamingLimiter`.
(
    THRESHOLD,
    TARGET,
    RAMP,
    RELEASE,
    MEMORY,
    CHANNELS,
    BLOCK,
    PHASES,
    SHARP_TAPS,
    SOFT_TAPS,
    REDUCTION_DB,
    HEADER_SIZE,
) = range(12)


class LimiterSettings(NamedTuple):
    """Settings of a limiter for any sample rate.

    Ratios to full scale: peaks over `threshold` are brought to `target`. sharp, soft: filters of
    `required_gain.peak_filters`, float64.
    """

    threshold: float
    target: float
    lookahead_ms: float
    release_ms: float
    memory_ms: float
    sharp: Array
    soft: Array


class StreamingLimiter(NamedTuple):
    """Buffers of a limiter, views of its memory.

    delayed: [1, C, L + N], the last L samples of input and up to N new ones. gain_db: [1, N].
    numbers, counts: state of `lookahead.advance_rows`. Others: filters and work space of
    `required_gain_rows`, and empty arrays. delayed, filters and scratch have the audio's type.
    """

    delayed: Array
    gain_db: Array
    numbers: Array
    counts: Array
    sharp: Array
    soft: Array
    scratch: Array
    origins: Array
    choices: Array


@njit(cache=True, nogil=True, error_model="numpy")
def limiter_ballistics(lookahead_ms, release_ms, memory_ms, sample_rate):  # type: ignore[no-untyped-def]
    """Convert the times of a limiter to samples and poles."""
    ramp = max(MIN_RAMP_SAMPLES, round(lookahead_ms * sample_rate / 1000.0))
    release = math.exp(-1000.0 / (release_ms * sample_rate))
    memory = math.exp(-1000.0 / (memory_ms * sample_rate))
    return Ballistics(ramp, GUARD_SAMPLES, release, memory)


@njit(cache=True, nogil=True, error_model="numpy")
def limiter_size(settings, sample_rate, block_size, channels):  # type: ignore[no-untyped-def]
    """Size of the memory in float64 numbers, for audio of float32 or float64."""
    ramp = limiter_ballistics(
        settings.lookahead_ms, settings.release_ms, settings.memory_ms, sample_rate
    ).ramp
    window = ramp + 2 * GUARD_SAMPLES + 1
    audio = channels * (_samples_before(ramp) + block_size) + settings.sharp.size
    audio += settings.soft.size + SCRATCH_ROWS * (BLOCK_SAMPLES + 1)
    return HEADER_SIZE + audio + block_size + (FLOATS + ramp + 2 + window) + COUNTS + window


@njit(cache=True, nogil=True, error_model="numpy")
def init_limiter(memory, settings, sample_rate, block_size, channels, like):  # type: ignore[no-untyped-def]
    """Write the initial state. like: any array of the audio's type."""
    ballistics = limiter_ballistics(
        settings.lookahead_ms, settings.release_ms, settings.memory_ms, sample_rate
    )
    memory[:] = 0.0
    memory[THRESHOLD], memory[TARGET] = settings.threshold, settings.target
    memory[RAMP], memory[RELEASE] = ballistics.ramp, ballistics.release
    memory[MEMORY], memory[CHANNELS], memory[BLOCK] = ballistics.memory, channels, block_size
    memory[PHASES], memory[SHARP_TAPS] = settings.sharp.shape
    memory[SOFT_TAPS] = settings.soft.shape[1]
    buffers = limiter_buffers(memory, like)
    for phase in range(settings.sharp.shape[0]):
        for tap in range(settings.sharp.shape[1]):
            buffers.sharp[phase, tap] = settings.sharp[phase, tap]
        for tap in range(settings.soft.shape[1]):
            buffers.soft[phase, tap] = settings.soft[phase, tap]


@njit(cache=True, nogil=True, error_model="numpy")
def reset_limiter(memory, like):  # type: ignore[no-untyped-def]
    """Reset the state to that before the first sample."""
    buffers = limiter_buffers(memory, like)
    buffers.delayed[:], buffers.numbers[:], buffers.counts[:] = 0.0, 0.0, 0
    memory[REDUCTION_DB] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def limit_block(out, memory):  # type: ignore[no-untyped-def]
    """Write the next n limited samples, delayed by `limiter_latency`, to out [C, n].

    The input is in `delayed` from `samples_before` on. It is unchanged bit for bit if no peak
    requires a reduction. The result does not depend on the block sizes, except for rounding.
    """
    channels, length = out.shape
    ballistics = Ballistics(int(memory[RAMP]), GUARD_SAMPLES, memory[RELEASE], memory[MEMORY])
    before = _samples_before(ballistics.ramp)
    b = limiter_buffers(memory, out)
    delayed, gain_db = b.delayed, b.gain_db[:, :length]
    required_gain_rows(
        delayed[:, :, before - 2 * CONTEXT_SAMPLES : before + length],
        gain_db,
        b.scratch,
        b.sharp,
        b.soft,
        memory[THRESHOLD],
        memory[TARGET],
        BOUNDS,
    )
    advance_rows(gain_db, b.numbers, b.counts, gain_db, b.origins, b.choices, ballistics)
    lowest = 0.0
    for n in range(length):
        ratio = 1.0
        if gain_db[0, n] < 0.0:
            lowest = min(lowest, gain_db[0, n])
            ratio = math.exp(gain_db[0, n] * NEPERS_PER_DB)
        for channel in range(channels):
            out[channel, n] = ratio * delayed[0, channel, CONTEXT_SAMPLES + n]
    memory[REDUCTION_DB] = max(memory[REDUCTION_DB], -lowest)
    for channel in range(channels):
        for n in range(before):
            delayed[0, channel, n] = delayed[0, channel, n + length]


@njit(cache=True, nogil=True)
def _samples_before(ramp):  # type: ignore[no-untyped-def]
    return 3 * GUARD_SAMPLES + ramp


@njit(cache=True, nogil=True)
def samples_before(memory):  # type: ignore[no-untyped-def]
    """Number of earlier samples in `delayed`: new ones are written behind them."""
    return _samples_before(int(memory[RAMP]))


@njit(cache=True, nogil=True)
def limiter_latency(memory):  # type: ignore[no-untyped-def]
    """Delay of the output in samples."""
    return 2 * GUARD_SAMPLES + int(memory[RAMP])


@njit(cache=True, nogil=True)
def limiter_buffers(memory, like):  # type: ignore[no-untyped-def]
    """Views of the memory. like: any array of the audio's type."""
    ramp, channels, block = int(memory[RAMP]), int(memory[CHANNELS]), int(memory[BLOCK])
    phases, sharp, soft = int(memory[PHASES]), int(memory[SHARP_TAPS]), int(memory[SOFT_TAPS])
    window, length = ramp + 2 * GUARD_SAMPLES + 1, _samples_before(ramp) + block
    parts = memory[HEADER_SIZE:]
    delayed, parts = parts[: channels * length].view(like.dtype), parts[channels * length :]
    gain_db, parts = parts[:block], parts[block:]
    size = FLOATS + ramp + 2 + window
    numbers, parts = parts[:size], parts[size:]
    counts, parts = parts[: COUNTS + window].view(np.int64), parts[COUNTS + window :]
    sharp_taps, parts = parts[: phases * sharp].view(like.dtype), parts[phases * sharp :]
    soft_taps, parts = parts[: phases * soft].view(like.dtype), parts[phases * soft :]
    scratch = parts[: SCRATCH_ROWS * (BLOCK_SAMPLES + 1)].view(like.dtype)
    return StreamingLimiter(
        delayed[: channels * length].reshape((1, channels, length)),
        gain_db.reshape((1, block)),
        numbers.reshape((1, size)),
        counts.reshape((1, COUNTS + window)),
        sharp_taps[: phases * sharp].reshape((phases, sharp)),
        soft_taps[: phases * soft].reshape((phases, soft)),
        scratch[: SCRATCH_ROWS * (BLOCK_SAMPLES + 1)].reshape((SCRATCH_ROWS, BLOCK_SAMPLES + 1)),
        counts[:0].reshape((1, 0)),
        numbers[:0].reshape((1, 2, 0)),
    )
