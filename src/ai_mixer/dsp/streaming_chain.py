"""Streaming of a chain of effects, with one compiled call per block.

One call for all effects releases and acquires Python's global lock only once per block, and a block
stays in the L1 cache for the whole chain.
"""

import zlib
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ai_mixer.dsp import compressor, convolution, recursions, streaming_kernels
from ai_mixer.dsp.convolution import convolve
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_kernels import compress, echo, mix_channels, second_order_filter
from ai_mixer.utils.compilation import njit

CONTROL_PERIOD_SAMPLES = 32  # coefficients are interpolated linearly within it
NO_SAMPLES = np.empty(0, np.float32)


class KernelKind(IntEnum):
    """Function of `dsp.streaming_kernels` or `dsp.convolution` that a step calls."""

    MIX = 0
    FILTER = 1
    COMPRESS = 2
    ECHO = 3
    CONVOLVE = 4


COEFFICIENT_COUNTS = {
    KernelKind.MIX: 2,
    KernelKind.FILTER: 5,
    KernelKind.COMPRESS: 1,
    KernelKind.ECHO: 1,
    KernelKind.CONVOLVE: 1,
}


class StreamingKernel(NamedTuple):
    """One effect as a step of the chain, with its initial state.

    numbers: float64, constants followed by the state. samples: float32, of a long response.
    """

    kind: KernelKind
    numbers: Array = np.empty(0)
    samples: Array = NO_SAMPLES


def biquad_kernel(channels: int) -> StreamingKernel:
    """Second-order filter; coefficients as of `filters.Biquad.to_coefficients`."""
    return StreamingKernel(
        KernelKind.FILTER, np.zeros(streaming_kernels.STATES_PER_BIQUAD * channels)
    )


class StreamingChain:
    """Chain of steps with their state.

    steps: in processing order, for the same number of channels; their arrays are copied.
    """

    def __init__(self, steps: Sequence[StreamingKernel]) -> None:
        self._kinds = np.array([step.kind for step in steps], np.int64)
        self._numbers, self._number_ends = _concatenate(np.empty(0), [s.numbers for s in steps])
        self._samples, self._sample_ends = _concatenate(NO_SAMPLES, [s.samples for s in steps])
        self._widths = np.cumsum([0, *(COEFFICIENT_COUNTS[step.kind] for step in steps)])
        self._path = np.empty((0, self._widths[-1]))
        self._since = 0  # samples since the start of the path

    def set_coefficients(self, path: Array) -> None:
        """Set the coefficients of all steps from the next sample on.

        path: [ticks, K] float64, one row per CONTROL_PERIOD_SAMPLES; the last row is kept.
        """
        self._path, self._since = path, 0

    def push(self, audio: Array) -> None:
        """Process the next block in place. audio: [C, n] float64, C-contiguous rows."""
        _run(
            audio,
            self._kinds,
            self._path,
            self._widths,
            self._since,
            self._numbers,
            self._number_ends,
            self._samples,
            self._sample_ends,
        )
        self._since += audio.shape[1]


def _concatenate(empty: Array, parts: Sequence[Array]) -> tuple[Array, Array]:
    """Concatenate arrays, none gives `empty`; returns the array and the offsets of its parts."""
    return np.concatenate([empty, *parts]), np.cumsum([0, *(len(part) for part in parts)])


@njit(cache=True, nogil=True)
def _zero_nonfinite(audio):  # type: ignore[no-untyped-def]
    for channel in range(audio.shape[0]):
        for n in range(audio.shape[1]):
            if not np.isfinite(audio[channel, n]):
                audio[channel, n] = 0.0


def _compile(version: int):  # type: ignore[no-untyped-def]
    """Compile the chain; `version`, a hash of the called modules, invalidates numba's cache."""

    @njit(cache=True, nogil=True)
    def run(  # type: ignore[no-untyped-def]
        audio, kinds, path, widths, since, numbers, number_ends, samples, sample_ends
    ):
        assert version >= 0
        done, length, last = 0, audio.shape[1], len(path) - 1
        while done < length:
            tick = min((since + done) // CONTROL_PERIOD_SAMPLES, last)
            inside = since + done - tick * CONTROL_PERIOD_SAMPLES
            now, by = path[tick], np.zeros(path.shape[1])
            end = length
            if tick < last:
                by = (path[tick + 1] - now) / CONTROL_PERIOD_SAMPLES
                now = now + inside * by
                end = min(length, done + CONTROL_PERIOD_SAMPLES - inside)
            part = audio[:, done:end]
            _zero_nonfinite(part)
            for step in range(len(kinds)):
                kind, state = kinds[step], numbers[number_ends[step] : number_ends[step + 1]]
                c = now[widths[step] : widths[step + 1]]
                d = by[widths[step] : widths[step + 1]]
                if kind == KernelKind.MIX:
                    mix_channels(part, c, d)
                elif kind == KernelKind.FILTER:
                    second_order_filter(part, c, d, state)
                elif kind == KernelKind.COMPRESS:
                    compress(part, c, d, state)
                elif kind == KernelKind.ECHO:
                    echo(part, c, d, state)
                elif kind == KernelKind.CONVOLVE:
                    response = samples[sample_ends[step] : sample_ends[step + 1]]
                    convolve(part, c[0], d[0], state, response)
            done = end

    return run


_SOURCES = [
    Path(str(m.__file__)).read_bytes()
    for m in (compressor, convolution, recursions, streaming_kernels)
]
_run = _compile(zlib.crc32(b"".join(_SOURCES)))
