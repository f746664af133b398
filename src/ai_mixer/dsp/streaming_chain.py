"""A chain of effects for blocks of audio: one compiled function for all effects.

A block stays in the L1 cache for the whole chain. `console.process` calls it.
"""

import zlib
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from ai_mixer.dsp import streaming_kernels
from ai_mixer.dsp.convolution import convolve
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_kernels import compress, echo, mix_channels, second_order_filter
from ai_mixer.utils.compilation import njit

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


class StreamingChain(NamedTuple):
    """Steps of a chain in processing order, and their state.

    kinds: [S] of `KernelKind`. columns: [S + 1], ends of the steps' coefficients in a row [K].
    numbers, samples: the arrays of all steps; number_ends, sample_ends: [S + 1], ends of the parts.
    """

    kinds: Array
    columns: Array
    numbers: Array
    number_ends: Array
    samples: Array
    sample_ends: Array


def init_chain(steps: Sequence[StreamingKernel]) -> StreamingChain:
    """Combine steps for the same number of channels; their arrays are copied."""
    return StreamingChain(
        np.array([step.kind for step in steps], np.int64),
        np.cumsum([0, *(COEFFICIENT_COUNTS[step.kind] for step in steps)], dtype=np.int64),
        *_concatenate(np.empty(0), [step.numbers for step in steps]),
        *_concatenate(NO_SAMPLES, [step.samples for step in steps]),
    )


def _concatenate(empty: Array, parts: Sequence[Array]) -> tuple[Array, Array]:
    """Concatenate arrays, none gives `empty`; returns the array and the offsets of its parts."""
    return np.concatenate([empty, *parts]), np.cumsum([0, *(len(part) for part in parts)])


def sources_version(*modules: ModuleType) -> int:
    """Hash of the source of this package and of further modules.

    Numba compiles a function with `cache=True` again if its own file has changed, but not if only a
    function that it calls has. Such a function takes this hash as a constant, which numba compares.
    """
    files = [
        *Path(__file__).parent.glob("*.py"),
        *(Path(str(module.__file__)) for module in modules),
    ]
    return zlib.crc32(b"".join(file.read_bytes() for file in sorted(files)))


def _compile(version: int):  # type: ignore[no-untyped-def]

    @njit(cache=True, nogil=True, error_model="numpy")
    def run_chain(audio, now, by, chain):  # type: ignore[no-untyped-def]
        """Process audio [C, n] float64 in place.

        now: coefficients [K] at the first sample; by: their change with each sample.
        """
        assert version >= 0
        for step in range(len(chain.kinds)):
            kind = chain.kinds[step]
            c = now[chain.columns[step] : chain.columns[step + 1]]
            d = by[chain.columns[step] : chain.columns[step + 1]]
            state = chain.numbers[chain.number_ends[step] : chain.number_ends[step + 1]]
            if kind == KernelKind.MIX:
                mix_channels(audio, c, d)
            elif kind == KernelKind.FILTER:
                second_order_filter(audio, c, d, state)
            elif kind == KernelKind.COMPRESS:
                compress(audio, c, d, state)
            elif kind == KernelKind.ECHO:
                echo(audio, c, d, state)
            elif kind == KernelKind.CONVOLVE:
                response = chain.samples[chain.sample_ends[step] : chain.sample_ends[step + 1]]
                convolve(audio, c[0], d[0], state, response)

    return run_chain


run_chain = _compile(sources_version())
