"""Limiter for blocks of one signal: the gain of `dsp.required_gain` and `dsp.lookahead`, applied.

Compiled functions over one array of memory, which holds state and work space; `console.process`
calls them.
"""

import math
from typing import NamedTuple

import numpy as np

from ai_mixer.dsp.lookahead import COUNTS, FLOATS, Ballistics, advance_rows
from ai_mixer.dsp.peak_levels import NEPERS_PER_DB
from ai_mixer.dsp.recursions import FASTMATH_FLAGS, Array
from ai_mixer.dsp.required_gain import (
    CONTEXT_SAMPLES,
    SCRATCH_SHAPE,
    PruningBounds,
    required_gain_rows,
)
from ai_mixer.dsp.vector_math import fast_exp
from ai_mixer.utils.compilation import njit

GUARD_SAMPLES = CONTEXT_SAMPLES  # samples on each side that a value between samples depends on
MIN_RAMP_SAMPLES = 16  # a steeper gain would cause new peaks between samples
BOUNDS = PruningBounds()
SCRATCH_SIZE = math.prod(SCRATCH_SHAPE)

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
    QUIET,
    REDUCTION_DB,
    FIRST,
    HEADER_SIZE,
) = range(14)


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

    delayed: [1, C, L + N], the last L samples of input and up to N new ones.
    first: [1], the first of them that the next gains depend on. gain_db: [1, N].
    numbers, counts: state of `lookahead.advance_rows`. Others: filters and work space of
    `required_gain_rows`, and empty arrays. delayed, filters and scratch have the audio's type.
    """

    delayed: Array
    first: Array
    gain_db: Array
    numbers: Array
    counts: Array
    sharp: Array
    soft: Array
    scratch: Array
    origins: Array
    choices: Array


@njit(cache=True, nogil=True)
def limiter_ballistics(lookahead_ms, release_ms, memory_ms, sample_rate):  # type: ignore[no-untyped-def]
    """Convert the times of a limiter to samples and poles."""
    ramp = max(MIN_RAMP_SAMPLES, round(lookahead_ms * sample_rate / 1000.0))
    release = math.exp(-1000.0 / (release_ms * sample_rate))
    memory = math.exp(-1000.0 / (memory_ms * sample_rate))
    return Ballistics(ramp, GUARD_SAMPLES, release, memory)


@njit(cache=True, nogil=True)
def limiter_size(settings, sample_rate, block_size, channels):  # type: ignore[no-untyped-def]
    """Size of the memory in float64 numbers, for audio of float32 or float64."""
    ramp = limiter_ballistics(
        settings.lookahead_ms, settings.release_ms, settings.memory_ms, sample_rate
    ).ramp
    window = ramp + 2 * GUARD_SAMPLES + 1
    audio = channels * (_samples_before(ramp) + block_size) + settings.sharp.size
    audio += settings.soft.size + SCRATCH_SIZE
    return HEADER_SIZE + audio + block_size + (FLOATS + ramp + 2 + window) + COUNTS + window


@njit(cache=True, nogil=True)
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
    buffers.first[0] = samples_before(memory) - 2 * CONTEXT_SAMPLES
    for phase in range(settings.sharp.shape[0]):
        for tap in range(settings.sharp.shape[1]):
            buffers.sharp[phase, tap] = settings.sharp[phase, tap]
        for tap in range(settings.soft.shape[1]):
            buffers.soft[phase, tap] = settings.soft[phase, tap]


@njit(cache=True, nogil=True)
def reset_limiter(memory, like):  # type: ignore[no-untyped-def]
    """Reset the state to that before the first sample."""
    buffers = limiter_buffers(memory, like)
    buffers.delayed[:], buffers.numbers[:], buffers.counts[:] = 0.0, 0.0, 0
    memory[QUIET] = memory[REDUCTION_DB] = 0.0


@njit(cache=True, nogil=True)
def limit(audio, out, memory, advance):  # type: ignore[no-untyped-def]
    """Limit the next samples: audio [C, n] → out [C, n], delayed by `limiter_latency`.

    audio: any n; it may be `out`. advance: samples by which the output is earlier than that, and
    silence follows the audio: the latency for a whole song, 0 for a block. Samples are unchanged
    bit for bit if no peak requires a reduction. The result does not depend on the block sizes,
    except for rounding.
    """
    channels, length = audio.shape
    buffers, before = limiter_buffers(memory, out), samples_before(memory)
    delayed, block = buffers.delayed[0], int(memory[BLOCK])
    for start in range(0, length + advance, block):
        count = min(block, length + advance - start)
        known = max(0, min(count, length - start))
        for channel in range(channels):
            new, samples = delayed[channel][before:], audio[channel][start:]
            for n in range(known):
                new[n] = samples[n]
            for n in range(known, count):
                new[n] = 0.0
        _update_gain(buffers, memory, count)
        _apply_gain(out, start - advance, buffers, memory, count)
        for channel in range(channels):
            history = delayed[channel]
            for n in range(before):
                history[n] = history[n + count]


@njit(cache=True, nogil=True)
def limit_blocks(audio, out, memory):  # type: ignore[no-untyped-def]
    """Process a block of several songs: audio, out [B, C, n], memory [B, M]."""
    for song in range(len(audio)):
        limit(audio[song], out[song], memory[song], 0)


@njit(cache=True, nogil=True)
def limit_songs(audio, out, memory):  # type: ignore[no-untyped-def]
    """Process whole songs without delay: audio, out [B, C, T], memory [B, M]."""
    for song in range(len(audio)):
        limit(audio[song], out[song], memory[song], limiter_latency(memory[song]))


@njit(cache=True, nogil=True)
def _update_gain(buffers, memory, count):  # type: ignore[no-untyped-def]
    """Compute the gain of the next samples; QUIET: samples since it was last below 0 dB."""
    b = buffers
    gain_db = b.gain_db.ravel()[:count].reshape((1, count))
    required_gain_rows(
        b.delayed,
        b.first,
        gain_db,
        b.scratch,
        b.sharp,
        b.soft,
        memory[THRESHOLD],
        memory[TARGET],
        BOUNDS,
    )
    needed = _any_below_zero(gain_db[0])
    window = int(memory[RAMP]) + 2 * GUARD_SAMPLES + 1
    if not needed and memory[QUIET] > window:
        b.numbers[:] = 0.0  # at rest, without the rounding errors of the moving sums
        b.counts[0, 0] += count
        return
    ballistics = Ballistics(int(memory[RAMP]), GUARD_SAMPLES, memory[RELEASE], memory[MEMORY])
    advance_rows(gain_db, b.numbers, b.counts, gain_db, b.origins, b.choices, ballistics)
    at_rest = b.numbers[0, 0] == 0.0 and b.numbers[0, 1] == 0.0 and b.counts[0, 2] == 0
    memory[QUIET] = memory[QUIET] + count if at_rest and not needed else 0.0


@njit(cache=True, nogil=True)
def _any_below_zero(gain_db):  # type: ignore[no-untyped-def]
    """Counts all samples, which is vectorised."""
    count = 0
    for n in range(len(gain_db)):
        count += gain_db[n] < 0.0
    return count > 0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS | {"nnan", "nsz"})
def _apply_gain(out, start, buffers, memory, count):  # type: ignore[no-untyped-def]
    """Write the next samples to `out` from `start` on; those before its first one are left out."""
    skipped = max(0, -start)
    delayed, gain_db = buffers.delayed[0], buffers.gain_db[0]
    if not _any_below_zero(gain_db[:count]):
        for channel in range(out.shape[0]):
            samples = delayed[channel][CONTEXT_SAMPLES + skipped :]
            target = out[channel][start + skipped :]
            for n in range(count - skipped):
                target[n] = samples[n]
        return
    lowest = 0.0
    for n in range(count):
        lowest = gain_db[n] if gain_db[n] < lowest else lowest
    memory[REDUCTION_DB] = max(memory[REDUCTION_DB], -lowest)
    for n in range(count):
        gain_db[n] = fast_exp(gain_db[n] * NEPERS_PER_DB)
    gains = gain_db[skipped:]
    for channel in range(out.shape[0]):
        samples = delayed[channel][CONTEXT_SAMPLES + skipped :]
        target = out[channel][start + skipped :]
        for n in range(count - skipped):
            target[n] = gains[n] * samples[n]


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
    scratch = parts[:SCRATCH_SIZE].view(like.dtype)
    return StreamingLimiter(
        delayed[: channels * length].reshape((1, channels, length)),
        memory[FIRST : FIRST + 1].view(np.int64),
        gain_db.reshape((1, block)),
        numbers.reshape((1, size)),
        counts.reshape((1, COUNTS + window)),
        sharp_taps[: phases * sharp].reshape((phases, sharp)),
        soft_taps[: phases * soft].reshape((phases, soft)),
        scratch[:SCRATCH_SIZE].reshape(SCRATCH_SHAPE),
        counts[:0].reshape((1, 0)),
        numbers[:0].reshape((1, 2, 0)),
    )
