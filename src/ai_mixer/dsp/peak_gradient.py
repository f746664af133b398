"""Gradient of the gain that true peaks require, for `dsp.required_gain`."""

import math

import numpy as np

from ai_mixer.dsp.recursions import Array, run_on_rows
from ai_mixer.dsp.true_peak import SHARP
from ai_mixer.utils.compilation import njit

CONTEXT_SAMPLES = SHARP.half


def add_peak_gradient(
    grad: Array,
    needed: Array,
    audio: Array,
    grad_audio: Array,
    filters: tuple[Array, Array],
    margin: int = 0,
) -> None:
    """Add the gradient of `required_gain_db` to that of audio [B, C, T] between silence.

    grad, needed: [B, T + 2 · (margin − CONTEXT_SAMPLES)], of audio with `margin` samples of silence
    on both sides. The derivative of a peak in dB is −20 / ln 10 / peak times the filter's taps.
    """
    arrays = (grad, needed, audio, grad_audio)
    run_on_rows(lambda *rows: _gradient_rows(*rows, margin, *filters), *arrays)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _interpolate(x, taps):  # type: ignore[no-untyped-def]
    """Value of the waveform at one point; x and taps have the same length."""
    value = x[0] * 0
    for k in range(len(taps)):
        value += taps[k] * x[k]
    return value


@njit(cache=True, nogil=True)
def samples_at(x, start, work):  # type: ignore[no-untyped-def]
    """len(work) samples of x from `start` on, which may be outside; there it is silent."""
    if start >= 0 and start + len(work) <= len(x):
        return x[start : start + len(work)]
    work[:] = 0
    for k in range(max(0, -start), min(len(work), len(x) - start)):
        work[k] = x[start + k]
    return work


@njit(cache=True, nogil=True)
def _gradient_rows(grad, needed, audio, grad_x, margin, sharp, soft):  # type: ignore[no-untyped-def]
    factor = -20.0 / math.log(10.0)
    work = np.empty(2 * CONTEXT_SAMPLES + 1, audio.dtype)
    for song in range(needed.shape[0]):
        for n in range(needed.shape[1]):
            if needed[song, n] == 0 or grad[song, n] == 0:
                continue
            best, channel, first, phase, kind = 0.0, 0, 0, -1, 0
            for c in range(audio.shape[1]):
                x = samples_at(audio[song, c], n - margin, work)
                if abs(x[CONTEXT_SAMPLES]) > abs(best):
                    best, channel, first, phase = x[CONTEXT_SAMPLES], c, CONTEXT_SAMPLES, -1
                for k, filters in enumerate((sharp, soft)):
                    taps = filters.shape[1]
                    before = CONTEXT_SAMPLES - taps // 2
                    for begin in (before, before + 1):
                        for p in range(filters.shape[0]):
                            value = _interpolate(x[begin : begin + taps], filters[p])
                            if abs(value) > abs(best):
                                best, channel, first, phase, kind = value, c, begin, p, k
            slope, start = factor * grad[song, n] / best, n - margin + first
            out = grad_x[song, channel]
            if phase < 0:
                out[start] += slope
                continue
            winner = sharp[phase] if kind == 0 else soft[phase]
            for k in range(max(0, -start), min(len(winner), len(out) - start)):
                out[start + k] += slope * winner[k]
