"""A chain of effects for blocks of audio: one compiled function for all effects.

A block stays in the L1 cache for the whole chain. The chain is described by an array of numbers
that does not depend on the sample rate (`encode_steps`); `dsp.streaming_states` computes its state
for any rate.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from ai_mixer.dsp.convolution import convolve
from ai_mixer.dsp.feedback_network import LINES
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_delays import delay
from ai_mixer.dsp.streaming_dynamics import band_dynamics, dynamics
from ai_mixer.dsp.streaming_kernels import (
    balance,
    compress,
    echo,
    mix_channels,
    second_order_filter,
    side_filter,
)
from ai_mixer.dsp.streaming_network import network
from ai_mixer.dsp.streaming_saturation import DELAY_SAMPLES, saturate
from ai_mixer.utils.compilation import njit


class KernelKind(IntEnum):
    """Function of `dsp.streaming_kernels` or a module beside it that a step calls."""

    MIX = 0
    FILTER = 1
    COMPRESS = 2
    ECHO = 3
    CONVOLVE = 4
    DYNAMICS = 5
    BAND_DYNAMICS = 6
    SIDE_FILTER = 7
    SATURATE = 8
    BALANCE = 9
    DELAY = 10
    NETWORK = 11


COEFFICIENT_COUNTS = {
    KernelKind.MIX: 2,
    KernelKind.FILTER: 5,
    KernelKind.COMPRESS: 1,
    KernelKind.ECHO: 1,
    KernelKind.CONVOLVE: 1,
    KernelKind.DYNAMICS: 6,
    KernelKind.BAND_DYNAMICS: 6,
    KernelKind.SIDE_FILTER: 5,
    KernelKind.SATURATE: 2,
    KernelKind.BALANCE: 2,
    KernelKind.DELAY: 3,
    KernelKind.NETWORK: 2 + 2 * LINES,
}


class StreamingKernel(NamedTuple):
    """One effect as a step of a chain, for any sample rate.

    formula: of its coefficients; arguments: of the formula, names of knobs and constants.
    constants: of the kernel. response: function of sample rate and channels, the impulse response
    [output, input, T] of `CONVOLVE`.
    """

    kind: KernelKind
    formula: Formula = Formula.NONE
    arguments: tuple[str | float, ...] = ()
    constants: tuple[float, ...] = ()
    response: Callable[[int, int], Array] | None = None


# A step is encoded as these numbers, then (knob, value) for each argument, then the constants.
# KIND, FORMULA: members of the enums. COEFFICIENTS, ARGUMENTS, CONSTANTS: their numbers.
# TAPS: samples of the response. STATE: size of the state. The last two depend on the sample rate.
KIND, FORMULA, COEFFICIENTS, ARGUMENTS, CONSTANTS, TAPS, STATE, STEP_HEADER = range(8)
NO_KNOB = -1.0


def encode_steps(kernels: Sequence[StreamingKernel], knobs: Sequence[dict[str, int]]) -> Array:
    """Encode a chain as an array of float64. knobs: per step, argument → index of the knob."""
    parts: list[float] = []
    for kernel, columns in zip(kernels, knobs, strict=True):
        count = COEFFICIENT_COUNTS[kernel.kind]
        lengths = (count, len(kernel.arguments), len(kernel.constants), 0, 0)
        parts += [kernel.kind, kernel.formula, *lengths]
        for argument in kernel.arguments:
            if isinstance(argument, str):
                parts += [columns[argument], 0.0]
            else:
                parts += [NO_KNOB, argument]
        parts += kernel.constants
    return np.array(parts, np.float64)


@njit(cache=True, nogil=True)
def step_length(step):  # type: ignore[no-untyped-def]
    """Length of the encoded step at the start of an array."""
    return STEP_HEADER + 2 * int(step[ARGUMENTS]) + int(step[CONSTANTS])


@njit(cache=True, nogil=True)
def step_constants(step):  # type: ignore[no-untyped-def]
    """Constants of the encoded step at the start of an array."""
    return step[STEP_HEADER + 2 * int(step[ARGUMENTS]) : step_length(step)]


@njit(cache=True, nogil=True)
def steps_latency(steps):  # type: ignore[no-untyped-def]
    """Delay of encoded steps in samples."""
    at, latency = 0, 0
    while at < len(steps):
        if int(steps[at + KIND]) == KernelKind.SATURATE:
            latency += DELAY_SAMPLES
        at += step_length(steps[at:])
    return latency


@njit(cache=True, nogil=True)
def run_steps(audio, now, by, steps, states, running):  # type: ignore[no-untyped-def]  # noqa: PLR0912
    """Process audio [C, n] float64 in place.

    now: coefficients [K] at the first sample; by: their change with each sample. running: False
    starts with the first step that delays, for what it still holds at the end of a song.
    """
    at, first, column = 0, 0, 0
    while at < len(steps):
        step = steps[at:]
        kind, end = int(step[KIND]), column + int(step[COEFFICIENTS])
        c, d = now[column:end], by[column:end]
        state = states[first : first + int(step[STATE])]
        running = running or kind == KernelKind.SATURATE
        if not running:
            pass
        elif kind == KernelKind.MIX:
            mix_channels(audio, c, d)
        elif kind == KernelKind.FILTER:
            second_order_filter(audio, c, d, state)
        elif kind == KernelKind.COMPRESS:
            compress(audio, c, d, state)
        elif kind == KernelKind.ECHO:
            echo(audio, c, d, state)
        elif kind == KernelKind.CONVOLVE:
            convolve(audio, c[0], d[0], state)
        elif kind == KernelKind.DYNAMICS:
            dynamics(audio, c, d, state)
        elif kind == KernelKind.BAND_DYNAMICS:
            band_dynamics(audio, c, d, state)
        elif kind == KernelKind.SIDE_FILTER:
            side_filter(audio, c, d, state)
        elif kind == KernelKind.SATURATE:
            saturate(audio, c, d, state)
        elif kind == KernelKind.BALANCE:
            balance(audio, c, d)
        elif kind == KernelKind.DELAY:
            delay(audio, c, d, state)
        elif kind == KernelKind.NETWORK:
            network(audio, c, d, state)
        at, first, column = at + step_length(step), first + int(step[STATE]), end
