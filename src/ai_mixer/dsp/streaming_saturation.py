"""Streaming kernel of the saturation, see `dsp.streaming_kernels`.

The filters are symmetric: the output is delayed by `DELAY_SAMPLES`, and the dry signal with it.
"""

import math

from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS
from ai_mixer.utils.compilation import njit

OVERSAMPLE = 4
HALF = 18  # taps of a phase on each side of the middle one
TAPS = 2 * HALF + 1
DELAY_SAMPLES = 2 * HALF  # of both filters
DC_CUT_HZ = 5.0
PART_SAMPLES = 128  # processed together: few enough for the L1 cache
HISTORY = DELAY_SAMPLES + PART_SAMPLES
# State: pole of the DC filter, the taps; per channel two numbers of the DC filter, the count of the
# first samples, a history of the input and of each phase; work space.
FILTER_START, CHANNEL_START = 1, 1 + OVERSAMPLE * TAPS
CHANNEL_HEADER_SIZE = 3
CHANNEL_STATES = CHANNEL_HEADER_SIZE + (1 + OVERSAMPLE) * HISTORY


@njit(cache=True, nogil=True)
def dc_pole(sample_rate):  # type: ignore[no-untyped-def]
    """Pole of the first-order high-pass that removes DC."""
    return math.exp(-2.0 * math.pi * DC_CUT_HZ / sample_rate)


@njit(cache=True, nogil=True)
def saturate_size(channels):  # type: ignore[no-untyped-def]
    """Size of the state."""
    return CHANNEL_START + channels * CHANNEL_STATES + PART_SAMPLES


@njit(cache=True, nogil=True)
def init_saturate(numbers, constants, sample_rate):  # type: ignore[no-untyped-def]
    """Initial state, zero before. constants: the taps of each phase of the interpolator."""
    numbers[0] = dc_pole(sample_rate)
    for k in range(OVERSAMPLE * TAPS):
        numbers[FILTER_START + k] = constants[k]


@njit(cache=True, nogil=True)
def reset_saturate(numbers):  # type: ignore[no-untyped-def]
    """Reset all but the filters."""
    numbers[CHANNEL_START:] = 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def add_filtered(x, tap, y):  # type: ignore[no-untyped-def]
    """Add tap · x to y."""
    for n in range(len(y)):
        y[n] += tap * x[n]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _distort(u, drive, drive_by, even, even_by):  # type: ignore[no-untyped-def]
    """Difference between the curve and the input in place, see `effects.saturation`."""
    for n in range(len(u)):
        k, share, x = drive + n * drive_by, even + n * even_by, u[n]
        z = 1.0 + k * x * x
        u[n] = (1.0 - share) * (x / math.sqrt(z) - x) + share * 0.5 * (z - 1.0) / z


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def saturate(audio, now, by, numbers):  # type: ignore[no-untyped-def]
    """Streaming `effects.saturation`. now: k and the share of even harmonics."""
    taps = numbers[FILTER_START:CHANNEL_START]
    difference = numbers[CHANNEL_START + len(audio) * CHANNEL_STATES :]
    for channel in range(len(audio)):
        state = numbers[CHANNEL_START + channel * CHANNEL_STATES :][:CHANNEL_STATES]
        histories = state[CHANNEL_HEADER_SIZE:]
        dry, phases = histories[:HISTORY], histories[HISTORY:]
        for start in range(0, audio.shape[1], PART_SAMPLES):
            x, count = audio[channel][start:], min(PART_SAMPLES, audio.shape[1] - start)
            recent, d = dry[DELAY_SAMPLES:], difference[:count]
            for n in range(count):
                recent[n] = x[n]
            d[:] = 0.0
            for phase in range(OVERSAMPLE):
                part, own = phases[phase * HISTORY :][:HISTORY], taps[phase * TAPS :][:TAPS]
                u = part[DELAY_SAMPLES:][:count]
                u[:] = 0.0
                for k in range(TAPS):
                    add_filtered(dry[k:], own[k], u)
                _distort(u, now[0] + start * by[0], by[0], now[1] + start * by[1], by[1])
                for k in range(TAPS):
                    add_filtered(part[k:], own[TAPS - 1 - k] / OVERSAMPLE, d)
                for n in range(DELAY_SAMPLES):
                    part[n] = part[n + count]
            _add_without_dc(dry, d, x, numbers[0], state)
            for n in range(DELAY_SAMPLES):
                dry[n] = dry[n + count]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _add_without_dc(dry, difference, out, pole, state):  # type: ignore[no-untyped-def]
    """Add the high-passed difference to the dry signal."""
    last, y = state[0], state[1]
    scale = 0.5 * (1.0 + pole)
    for n in range(len(difference)):
        y = pole * y + scale * (difference[n] - last)
        last = difference[n]
        out[n] = dry[n] + y
    before_start = DELAY_SAMPLES - int(state[2])
    if before_start > 0:  # as offline: the filters ring before a sudden start
        first = min(before_start, len(difference))
        for n in range(first):
            out[n] = 0.0
        state[2] += first
    state[0], state[1] = last, y if abs(y) > DENORMAL_LIMIT else 0.0
