"""Streaming kernels of delays whose time is a knob, see `dsp.streaming_kernels`.

A moving delay would change the pitch of what it holds. So a change is a cross-fade from one fixed
delay to another, again and again while the knob moves.
"""

from ai_mixer.dsp.feedback_delay import cubic_weights
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS
from ai_mixer.utils.compilation import njit

FADE_S = 0.05
SMALLEST_CHANGE = 1e-6  # in samples: less is rounding, and would delay the fade to a real change
# A cross-fade: delays in samples (TO is 0 before the first block), how far it is, 0–1, and the
# change of this with each sample.
FROM, TO, SHARE, STEP, FADE_STATES = range(5)
# State of `delay`: the fade, position in the rings; per channel the last output and a ring.
POSITION, DELAY_HEADER_SIZE = FADE_STATES, FADE_STATES + 1
RING_MARGIN = 4  # samples around the longest delay that the interpolation reads


@njit(cache=True, nogil=True)
def ring_size(max_delay_ms, sample_rate):  # type: ignore[no-untyped-def]
    """Samples of a ring for delays up to a maximum."""
    return int(max_delay_ms * sample_rate / 1000.0) + RING_MARGIN


@njit(cache=True, nogil=True)
def delay_size(max_delay_ms, sample_rate, channels):  # type: ignore[no-untyped-def]
    """Size of the state of `delay`."""
    return DELAY_HEADER_SIZE + channels * (1 + ring_size(max_delay_ms, sample_rate))


@njit(cache=True, nogil=True)
def init_fade(fade, sample_rate):  # type: ignore[no-untyped-def]
    """Initial state of a cross-fade at the start of an array."""
    fade[STEP] = 1.0 / (FADE_S * sample_rate)


@njit(cache=True, nogil=True)
def reset_fade(fade):  # type: ignore[no-untyped-def]
    """Reset a cross-fade: the next delay applies at once."""
    fade[FROM] = fade[TO] = fade[SHARE] = 0.0


@njit(cache=True, nogil=True)
def reset_delay(numbers):  # type: ignore[no-untyped-def]
    """Reset the state of `delay`."""
    reset_fade(numbers)
    numbers[POSITION:] = 0.0


@njit(cache=True, nogil=True)
def advance_fade(fade, delay):  # type: ignore[no-untyped-def]
    """Advance by a sample. delay: where the knob is now."""
    if fade[TO] == 0.0:
        fade[FROM] = fade[TO] = delay
    elif fade[SHARE] > 0.0:
        fade[SHARE] += fade[STEP]
        if fade[SHARE] >= 1.0:
            fade[FROM], fade[SHARE] = fade[TO], 0.0
    elif abs(delay - fade[TO]) > SMALLEST_CHANGE:
        fade[TO], fade[SHARE] = delay, fade[STEP]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _read(ring, at, delay):  # type: ignore[no-untyped-def]
    """Interpolated sample of a ring, delayed from the index `at`."""
    whole = int(delay)
    w0, w1, w2, w3 = cubic_weights(delay - whole)
    i0 = at - whole + 1
    i0 += len(ring) if i0 < 0 else 0
    i1 = i0 - 1 if i0 > 0 else len(ring) - 1
    i2 = i1 - 1 if i1 > 0 else len(ring) - 1
    i3 = i2 - 1 if i2 > 0 else len(ring) - 1
    return w0 * ring[i0] + w1 * ring[i1] + w2 * ring[i2] + w3 * ring[i3]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def read_faded(ring, at, fade):  # type: ignore[no-untyped-def]
    """Delayed sample of a ring, during a cross-fade of both delays."""
    y, share = _read(ring, at, fade[FROM]), fade[SHARE]
    if share > 0.0:
        y += share * share * (3.0 - 2.0 * share) * (_read(ring, at, fade[TO]) - y)
    return y


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def delay(audio, now, by, numbers):  # type: ignore[no-untyped-def]
    """Streaming `feedback_delay`. now: delay in samples, feedback, pole of the low-pass."""
    fade, at = numbers[:FADE_STATES], int(numbers[POSITION])
    channels = numbers[DELAY_HEADER_SIZE:].reshape((len(audio), -1))
    for n in range(audio.shape[1]):
        advance_fade(fade, now[0] + n * by[0])
        feedback, pole = now[1] + n * by[1], now[2] + n * by[2]
        for channel in range(len(audio)):
            state, ring = channels[channel], channels[channel][1:]
            y = pole * state[0] + (1.0 - pole) * read_faded(ring, at, fade)
            y = y if abs(y) > DENORMAL_LIMIT else 0.0
            v = audio[channel, n] + feedback * y
            state[0], audio[channel, n] = y, y
            ring[at] = v if abs(v) > DENORMAL_LIMIT else 0.0
        at = at + 1 if at + 1 < channels.shape[1] - 1 else 0
    numbers[POSITION] = at
