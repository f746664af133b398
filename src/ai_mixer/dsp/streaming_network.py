"""Streaming kernel of the feedback delay network, see `dsp.streaming_kernels`."""

import math

from ai_mixer.dsp.delay_formulas import LINE_S
from ai_mixer.dsp.feedback_network import (
    LINES,
    add_to_lines,
    feed_back,
    low_pass,
    sum_lines,
)
from ai_mixer.dsp.recursions import FASTMATH_FLAGS
from ai_mixer.dsp.streaming_delays import (
    FADE_STATES,
    advance_fade,
    init_fade,
    read_faded,
    reset_fade,
    ring_size,
)
from ai_mixer.utils.compilation import njit

# State: cross-fade of the pre-delay; length of its rings; positions in them and in the ring of the
# lines; lengths of the lines; their outputs; work space; rings of the pre-delay; ring of the lines.
RING = FADE_STATES
POSITION, LINE_POSITION = RING + 1, RING + 2
LENGTHS = RING + 3
OUTPUTS = LENGTHS + LINES
WORK = OUTPUTS + LINES
NETWORK_HEADER_SIZE = WORK + LINES


@njit(cache=True, nogil=True)
def _line_length(line, sample_rate):  # type: ignore[no-untyped-def]
    return math.floor(LINE_S[line] * sample_rate + 0.5)


@njit(cache=True, nogil=True)
def network_size(max_predelay_ms, sample_rate, channels):  # type: ignore[no-untyped-def]
    """Size of the state of `network`."""
    longest = _line_length(LINES - 1, sample_rate)
    rings = channels * ring_size(max_predelay_ms + 1.0, sample_rate)
    return NETWORK_HEADER_SIZE + rings + LINES * longest


@njit(cache=True, nogil=True)
def init_network(numbers, max_predelay_ms, sample_rate):  # type: ignore[no-untyped-def]
    """Initial state, zero before."""
    init_fade(numbers, sample_rate)
    numbers[RING] = ring_size(max_predelay_ms + 1.0, sample_rate)
    for j in range(LINES):
        numbers[LENGTHS + j] = _line_length(j, sample_rate)


@njit(cache=True, nogil=True)
def reset_network(numbers):  # type: ignore[no-untyped-def]
    """Reset all that sounds."""
    reset_fade(numbers)
    numbers[POSITION] = numbers[LINE_POSITION] = 0.0
    numbers[OUTPUTS:] = 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def network(audio, now, by, numbers):  # type: ignore[no-untyped-def]
    """Streaming `effects.reverb_bus`. now: pre-delay in samples, gain, filters of the lines."""
    fade, size = numbers[:FADE_STATES], int(numbers[RING])
    at, line_at = int(numbers[POSITION]), int(numbers[LINE_POSITION])
    s, u = numbers[OUTPUTS:WORK], numbers[WORK:NETWORK_HEADER_SIZE]
    first, last = numbers[NETWORK_HEADER_SIZE:][:size], len(audio) - 1
    second = numbers[NETWORK_HEADER_SIZE + last * size :][:size]
    ring = numbers[NETWORK_HEADER_SIZE + (last + 1) * size :].reshape((-1, LINES))
    for n in range(audio.shape[1]):
        advance_fade(fade, now[0] + n * by[0])
        gain = now[1] + n * by[1]
        left = gain * read_faded(first, at, fade)
        right = gain * read_faded(second, at, fade) if last > 0 else left
        first[at], second[at] = audio[0, n], audio[last, n]
        at = at + 1 if at + 1 < size else 0
        for j in range(LINES):
            k = 2 + 2 * j
            read = line_at - int(numbers[LENGTHS + j])
            read += len(ring) if read < 0 else 0
            s[j] = low_pass(now[k] + n * by[k], now[k + 1] + n * by[k + 1], s[j], ring[read, j])
            u[j] = s[j]
        even, odd = sum_lines(s)
        audio[last, n] = odd
        audio[0, n] = even
        feed_back(u)
        add_to_lines(u, left, right)
        for j in range(LINES):
            ring[line_at, j] = u[j]
        line_at = line_at + 1 if line_at + 1 < len(ring) else 0
    numbers[POSITION], numbers[LINE_POSITION] = at, line_at
