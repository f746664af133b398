"""Streaming kernels of the compressors whose settings are knobs: broadband and in three bands.

See `dsp.streaming_kernels`. The work space is part of the state.
"""

from ai_mixer.dsp.compressor import smooth_gain_db, static_gain_db
from ai_mixer.dsp.crossover import SQRT2, butterworth
from ai_mixer.dsp.peak_levels import NEPERS_PER_DB, SILENCE_AMPLITUDE
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS, second_order
from ai_mixer.dsp.streaming_kernels import (
    PART_SAMPLES,
    SETTLED_DB,
    multiply,
    pole,
    write_log_peaks,
)
from ai_mixer.dsp.vector_math import fast_exp, log_in_place
from ai_mixer.utils.compilation import njit

DYNAMICS_HEADER_SIZE = 2  # gain in dB, cap; then the work space
DYNAMICS_STATES = DYNAMICS_HEADER_SIZE + 2 * PART_SAMPLES

BANDS = 3
FILTERS = 12  # of each channel: eight of the crossovers, then four of the shelves
# Header of `band_dynamics`: both crossovers, per band attack and release, knee, cap, gains in dB.
CROSSOVERS, POLES, KNEE, CAP, GAINS, BAND_HEADER_SIZE = 0, 8, 14, 15, 16, 19
FASTMATH = FASTMATH_FLAGS | {"nnan", "nsz"}


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def dynamics(audio, now, by, numbers):  # type: ignore[no-untyped-def]
    """Streaming `effects.dynamics`. now: slope, poles, threshold, knee, gain."""
    g, cap = numbers[0], numbers[1]
    if now[0] == by[0] == by[5] == 0.0 and now[5] == 1.0 and abs(g) < SETTLED_DB:
        numbers[0] = 0.0
        return  # a ratio of 1 without makeup
    work = numbers[DYNAMICS_HEADER_SIZE:]
    for start in range(0, audio.shape[1], PART_SAMPLES):
        count = min(PART_SAMPLES, audio.shape[1] - start)
        gain, exponents = work[:count], work[PART_SAMPLES:][:count]
        write_log_peaks(audio, start, gain, exponents)
        slope, threshold = now[0] + start * by[0], now[3] + start * by[3]
        knee = now[4] + start * by[4]
        for n in range(count):
            width = knee + n * by[4]
            over = gain[n] / NEPERS_PER_DB - (threshold + n * by[3] - 0.5 * width)
            gain[n] = static_gain_db(over, slope + n * by[0], width, cap)
        attack, release = now[1] + start * by[1], now[2] + start * by[2]
        for n in range(count):
            g = smooth_gain_db(g, gain[n], attack + n * by[1], release + n * by[2])
            gain[n] = g
        if abs(g) < DENORMAL_LIMIT:
            g = 0.0
        makeup = now[5] + start * by[5]
        for n in range(count):
            gain[n] = fast_exp(gain[n] * NEPERS_PER_DB) * (makeup + n * by[5])
        multiply(audio, start, gain)
    numbers[0] = g


@njit(cache=True, nogil=True)
def band_dynamics_size(channels):  # type: ignore[no-untyped-def]
    """Size of the state of `band_dynamics`."""
    return BAND_HEADER_SIZE + 4 * FILTERS * channels + (BANDS + 3) * PART_SAMPLES


@njit(cache=True, nogil=True)
def init_band_dynamics(numbers, constants, sample_rate):  # type: ignore[no-untyped-def]
    """Initial state, zero before. constants: crossovers in Hz, per band attack and release in ms,
    knee and cap in dB.
    """
    for crossover in range(2):
        at = CROSSOVERS + 4 * crossover
        numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3] = butterworth(
            constants[crossover], sample_rate
        )
    for k in range(2 * BANDS):
        numbers[POLES + k] = pole(constants[2 + k], sample_rate)
    numbers[KNEE], numbers[CAP] = constants[2 + 2 * BANDS], constants[3 + 2 * BANDS]


@njit(cache=True, nogil=True)
def reset_band_dynamics(numbers):  # type: ignore[no-untyped-def]
    """Reset gains and filters."""
    numbers[GAINS:] = 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _filter(x, y, b0, b1, b2, crossover, state):  # type: ignore[no-untyped-def]
    """Second-order filter x → y, which may be the same array."""
    a1, a2 = crossover[2], crossover[3]
    x1, x2, y1, y2 = state[0], state[1], state[2], state[3]
    for n in range(len(y)):
        x0 = x[n]
        y0 = second_order(b0, b1, b2, a1, a2, x0, x1, x2, y1, y2)
        y[n] = y0
        x2, x1, y2, y1 = x1, x0, y1, y0
    if abs(y1) + abs(y2) < DENORMAL_LIMIT:
        y1 = y2 = 0.0
    state[0], state[1], state[2], state[3] = x1, x2, y1, y2


@njit(cache=True, nogil=True)
def _low(x, y, crossover, state):  # type: ignore[no-untyped-def]
    b = crossover[0] * crossover[0] * crossover[1]
    _filter(x, y, b, 2.0 * b, b, crossover, state)


@njit(cache=True, nogil=True)
def _band(x, y, crossover, state):  # type: ignore[no-untyped-def]
    b = crossover[0] * crossover[1]
    _filter(x, y, b, 0.0, -b, crossover, state)


@njit(cache=True, nogil=True)
def _high(x, y, crossover, state):  # type: ignore[no-untyped-def]
    b = crossover[1]
    _filter(x, y, b, -2.0 * b, b, crossover, state)


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _raise_peak(x, peak):  # type: ignore[no-untyped-def]
    for n in range(len(peak)):
        peak[n] = max(peak[n], abs(x[n]))


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _add_shelf(x, part, band, gain_db):  # type: ignore[no-untyped-def]
    """Shelf of `dsp.crossover` in place. part: the low- or high-pass, band: the band-pass."""
    for n in range(len(gain_db)):
        root = fast_exp(gain_db[n] * (0.5 * NEPERS_PER_DB))
        x[n] += (root * root - 1.0) * part[n] + SQRT2 * (root - 1.0) * band[n]


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def band_dynamics(audio, now, by, numbers):  # type: ignore[no-untyped-def]
    """Streaming `effects.multiband`. now: slope and threshold of each band."""
    lower, upper = numbers[CROSSOVERS:][:4], numbers[CROSSOVERS + 4 :][:4]
    states = 4 * FILTERS
    work = numbers[BAND_HEADER_SIZE + states * len(audio) :]
    for start in range(0, audio.shape[1], PART_SAMPLES):
        count = min(PART_SAMPLES, audio.shape[1] - start)
        low, mid, high = work[:count], work[PART_SAMPLES:][:count], work[2 * PART_SAMPLES :][:count]
        first = work[3 * PART_SAMPLES :][:count]
        second, exponents = work[4 * PART_SAMPLES :][:count], work[5 * PART_SAMPLES :][:count]
        low[:] = SILENCE_AMPLITUDE
        mid[:] = SILENCE_AMPLITUDE
        high[:] = SILENCE_AMPLITUDE
        for channel in range(len(audio)):
            x = audio[channel][start:]
            state = numbers[BAND_HEADER_SIZE + states * channel :]
            _low(x, first, lower, state[:4])
            _low(first, first, lower, state[4:8])
            _raise_peak(first, low)
            _high(x, second, lower, state[8:12])
            _high(second, second, lower, state[12:16])
            _low(second, first, upper, state[16:20])
            _low(first, first, upper, state[20:24])
            _raise_peak(first, mid)
            _high(second, first, upper, state[24:28])
            _high(first, first, upper, state[28:32])
            _raise_peak(first, high)
        for band in range(BANDS):
            gain = work[band * PART_SAMPLES :][:count]
            log_in_place(gain, exponents)
            slope = now[2 * band] + start * by[2 * band]
            threshold = now[2 * band + 1] + start * by[2 * band + 1]
            _band_gain(gain, slope, by[2 * band], threshold, by[2 * band + 1], band, numbers)
        for n in range(count):
            low[n] -= mid[n]
            high[n] -= mid[n]
            mid[n] = fast_exp(mid[n] * NEPERS_PER_DB)
        for channel in range(len(audio)):
            x = audio[channel][start:]
            state = numbers[BAND_HEADER_SIZE + states * channel :]
            _low(x, first, lower, state[32:36])
            _band(x, second, lower, state[36:40])
            _add_shelf(x, first, second, low)
            _high(x, first, upper, state[40:44])
            _band(x, second, upper, state[44:48])
            _add_shelf(x, first, second, high)
            for n in range(count):
                x[n] *= mid[n]


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _band_gain(gain, slope, slope_by, threshold, threshold_by, band, numbers):  # type: ignore[no-untyped-def]
    """Replace the logarithm of the level by the smoothed gain in dB."""
    knee, cap, g = numbers[KNEE], numbers[CAP], numbers[GAINS + band]
    attack, release = numbers[POLES + 2 * band], numbers[POLES + 2 * band + 1]
    for n in range(len(gain)):
        over = gain[n] / NEPERS_PER_DB - (threshold + n * threshold_by - 0.5 * knee)
        gain[n] = static_gain_db(over, slope + n * slope_by, knee, cap)
    for n in range(len(gain)):
        g = smooth_gain_db(g, gain[n], attack, release)
        gain[n] = g
    numbers[GAINS + band] = g if abs(g) > DENORMAL_LIMIT else 0.0
