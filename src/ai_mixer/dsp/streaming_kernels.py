"""Streaming kernels of the effects: recursions with explicit state.

Each kernel processes audio [C, n], float64, C = 1 or 2, in place. Its coefficients change linearly:
`now` at the first sample, `by` more with each sample. `numbers`: the state, which may begin with
constants that depend on the sample rate.
"""

import math

from ai_mixer.dsp.compressor import smooth_gain_db, static_gain_db
from ai_mixer.dsp.peak_levels import NEPERS_PER_DB, SILENCE_AMPLITUDE
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS, second_order
from ai_mixer.dsp.vector_math import fast_exp, log_in_place
from ai_mixer.utils.compilation import njit

STATES_PER_BIQUAD = 4  # per channel
SETTLED_DB = 1e-9  # a gain reduction that has died away
IDENTITY_LIMIT = 1e-12  # of the difference between a filter and the identity
ECHO_HEADER_SIZE = 2  # before the rings
PART_SAMPLES = 128  # processed together: few enough for the L1 cache
COMPRESS_HEADER_SIZE = 6  # before the work space
COMPRESS_STATES = COMPRESS_HEADER_SIZE + 2 * PART_SAMPLES


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def mix_channels(audio, now, by):  # type: ignore[no-untyped-def]
    """Mix each channel with the other one. now: weights of the channel itself and of the other."""
    last = len(audio) - 1  # mono: the other channel is itself, with weight 0
    for n in range(audio.shape[1]):
        own, other = now[0] + n * by[0], now[1] + n * by[1]
        first, second = audio[0, n], audio[last, n]
        audio[0, n] = own * first + other * second
        audio[last, n] = own * second + other * first


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def balance(audio, now, by):  # type: ignore[no-untyped-def]
    """Multiply both channels with gains of their own. now: the gains. Mono is unchanged."""
    if len(audio) < 2:
        return
    for channel in range(2):
        x, gain, gain_by = audio[channel], now[channel], by[channel]
        for n in range(len(x)):
            x[n] *= gain + n * gain_by


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def second_order_filter(audio, now, by, numbers):  # type: ignore[no-untyped-def]
    """Streaming `recursions.biquad`. now: b₀ b₁ b₂ a₁ a₂; numbers: last two inputs and outputs."""
    if _passes_unchanged(now, by, numbers):
        _keep_last_samples(audio, numbers)
    elif len(audio) == 2:
        _filter_pair(audio[0], audio[1], now, by, numbers)
    else:
        _filter_one(audio[0], now, by, numbers)


@njit(cache=True, nogil=True)
def _passes_unchanged(now, by, numbers):  # type: ignore[no-untyped-def]
    """Whether a filter is the identity, to −240 dB, and what it still holds has died away."""
    for k in range(5):
        if by[k] != 0.0:
            return False
    difference = abs(now[0] - 1.0) + abs(now[1] - now[3]) + abs(now[2] - now[4])
    for channel in range(0, len(numbers), STATES_PER_BIQUAD):
        difference += abs(numbers[channel] - numbers[channel + 2])
        difference += abs(numbers[channel + 1] - numbers[channel + 3])
    return difference < IDENTITY_LIMIT


@njit(cache=True, nogil=True)
def _keep_last_samples(audio, numbers):  # type: ignore[no-untyped-def]
    """State of the identity after audio: a filter that is turned next starts from it."""
    for channel in range(len(audio)):
        state = numbers[STATES_PER_BIQUAD * channel : STATES_PER_BIQUAD * (channel + 1)]
        for n in range(max(0, audio.shape[1] - 2), audio.shape[1]):
            state[1], state[3] = state[0], state[2]
            state[0] = state[2] = audio[channel, n]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _filter_one(x, now, by, state):  # type: ignore[no-untyped-def]
    x1, x2, y1, y2 = state[0], state[1], state[2], state[3]
    b0, b1, b2, a1, a2 = now[0], now[1], now[2], now[3], now[4]
    for n in range(len(x)):
        x0 = x[n]
        y0 = second_order(b0, b1, b2, a1, a2, x0, x1, x2, y1, y2)
        x[n] = y0
        x2, x1, y2, y1 = x1, x0, y1, y0
        b0, b1, b2, a1, a2 = b0 + by[0], b1 + by[1], b2 + by[2], a1 + by[3], a2 + by[4]
    if abs(y1) + abs(y2) < DENORMAL_LIMIT:
        y1 = y2 = 0.0
    state[0], state[1], state[2], state[3] = x1, x2, y1, y2


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _filter_pair(left, right, now, by, state):  # type: ignore[no-untyped-def]
    """Both channels in one loop: neither waits for the recursion of the other."""
    x1, x2, y1, y2 = state[0], state[1], state[2], state[3]
    u1, u2, v1, v2 = state[4], state[5], state[6], state[7]
    b0, b1, b2, a1, a2 = now[0], now[1], now[2], now[3], now[4]
    if by[0] == 0.0 and by[1] == 0.0 and by[2] == 0.0 and by[3] == 0.0 and by[4] == 0.0:
        for n in range(len(left)):
            x0, u0 = left[n], right[n]
            y0 = second_order(b0, b1, b2, a1, a2, x0, x1, x2, y1, y2)
            v0 = second_order(b0, b1, b2, a1, a2, u0, u1, u2, v1, v2)
            left[n], right[n] = y0, v0
            x2, x1, y2, y1, u2, u1, v2, v1 = x1, x0, y1, y0, u1, u0, v1, v0
    else:
        for n in range(len(left)):
            x0, u0 = left[n], right[n]
            y0 = second_order(b0, b1, b2, a1, a2, x0, x1, x2, y1, y2)
            v0 = second_order(b0, b1, b2, a1, a2, u0, u1, u2, v1, v2)
            left[n], right[n] = y0, v0
            x2, x1, y2, y1, u2, u1, v2, v1 = x1, x0, y1, y0, u1, u0, v1, v0
            b0, b1, b2, a1, a2 = b0 + by[0], b1 + by[1], b2 + by[2], a1 + by[3], a2 + by[4]
    if abs(y1) + abs(y2) < DENORMAL_LIMIT:
        y1 = y2 = 0.0
    if abs(v1) + abs(v2) < DENORMAL_LIMIT:
        v1 = v2 = 0.0
    state[0], state[1], state[2], state[3] = x1, x2, y1, y2
    state[4], state[5], state[6], state[7] = u1, u2, v1, v2


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def side_filter(audio, now, by, numbers):  # type: ignore[no-untyped-def]
    """`second_order_filter` of the side, (left − right) / 2. Mono is unchanged."""
    if len(audio) < 2:
        return
    left, right = audio[0], audio[1]
    x1, x2, y1, y2 = numbers[0], numbers[1], numbers[2], numbers[3]
    b0, b1, b2, a1, a2 = now[0], now[1], now[2], now[3], now[4]
    for n in range(audio.shape[1]):
        x0 = 0.5 * (left[n] - right[n])
        y0 = second_order(b0, b1, b2, a1, a2, x0, x1, x2, y1, y2)
        left[n] += y0 - x0
        right[n] -= y0 - x0
        x2, x1, y2, y1 = x1, x0, y1, y0
        b0, b1, b2, a1, a2 = b0 + by[0], b1 + by[1], b2 + by[2], a1 + by[3], a2 + by[4]
    if abs(y1) + abs(y2) < DENORMAL_LIMIT:
        y1 = y2 = 0.0
    numbers[0], numbers[1], numbers[2], numbers[3] = x1, x2, y1, y2


@njit(cache=True, nogil=True)
def pole(time_ms, sample_rate):  # type: ignore[no-untyped-def]
    """Coefficient α = e^(−1 / (τ · rate)) of one-pole smoothing."""
    return math.exp(-1000.0 / (time_ms * sample_rate))


@njit(cache=True, nogil=True)
def init_compress(numbers, constants, sample_rate):  # type: ignore[no-untyped-def]
    """Initial state. constants: attack and release in ms, threshold, knee and cap in dB."""
    numbers[0], numbers[1] = pole(constants[0], sample_rate), pole(constants[1], sample_rate)
    for k in range(2, 5):
        numbers[k] = constants[k]
    numbers[5] = 0.0


@njit(cache=True, nogil=True)
def delay_samples(delay_ms, sample_rate):  # type: ignore[no-untyped-def]
    """A delay in whole samples, at least 1."""
    return max(1, round(delay_ms * sample_rate / 1000.0))


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS | {"nnan", "nsz"})
def write_log_peaks(audio, start, peaks, exponents):  # type: ignore[no-untyped-def]
    """Write the logarithm of the loudest channel of the samples from `start` on to peaks [n].

    exponents: work space, [n].
    """
    peaks[:] = SILENCE_AMPLITUDE
    for channel in range(len(audio)):
        x = audio[channel][start:]
        for n in range(len(peaks)):
            peaks[n] = max(peaks[n], abs(x[n]))
    log_in_place(peaks, exponents)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def multiply(audio, start, gain):  # type: ignore[no-untyped-def]
    """Multiply the samples from `start` on with a gain [n], in all channels."""
    for channel in range(len(audio)):
        x = audio[channel][start:]
        for n in range(len(gain)):
            x[n] *= gain[n]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS | {"nnan", "nsz"})
def compress(audio, now, by, numbers):  # type: ignore[no-untyped-def]
    """Streaming `compressor.compress`. now: slope; numbers: poles, static curve, gain in dB.

    Only the recursion is a loop that cannot be vectorised.
    """
    attack, release, threshold = numbers[0], numbers[1], numbers[2]
    knee, cap, g = numbers[3], numbers[4], numbers[5]
    if now[0] == by[0] == 0.0 and abs(g) < SETTLED_DB:
        numbers[5] = 0.0
        return
    knee_start = threshold - 0.5 * knee
    work = numbers[COMPRESS_HEADER_SIZE:]
    for start in range(0, audio.shape[1], PART_SAMPLES):
        count = min(PART_SAMPLES, audio.shape[1] - start)
        gain, exponents = work[:count], work[PART_SAMPLES:][:count]
        write_log_peaks(audio, start, gain, exponents)
        slope = now[0] + start * by[0]
        for n in range(count):
            over = gain[n] / NEPERS_PER_DB - knee_start
            gain[n] = static_gain_db(over, slope + n * by[0], knee, cap)
        for n in range(count):
            g = smooth_gain_db(g, gain[n], attack, release)
            gain[n] = g
        if abs(g) < DENORMAL_LIMIT:
            g = 0.0
        for n in range(count):
            gain[n] = fast_exp(gain[n] * NEPERS_PER_DB)
        multiply(audio, start, gain)
    numbers[5] = g


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def echo(audio, now, by, numbers):  # type: ignore[no-untyped-def]
    """Streaming `effects.delay`. now: wet; numbers: feedback, ring position, a ring per channel."""
    feedback, start = numbers[0], int(numbers[1])
    rings = numbers[ECHO_HEADER_SIZE:].reshape((len(audio), -1))
    at = start
    for channel in range(len(audio)):
        ring, at = rings[channel], start
        for n in range(audio.shape[1]):
            x, delayed = audio[channel, n], ring[at]
            fed_back = x + feedback * delayed
            ring[at] = fed_back if abs(fed_back) > DENORMAL_LIMIT else 0.0
            audio[channel, n] = x + (now[0] + n * by[0]) * (delayed - x)
            at = at + 1 if at + 1 < len(ring) else 0
    numbers[1] = at
