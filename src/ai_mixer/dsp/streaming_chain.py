"""A chain of effects for blocks of audio: one compiled function for all effects.

A block stays in the L1 cache for the whole chain. The chain is described by an array of numbers
that does not depend on the sample rate (`encode_steps`); compiled functions compute the size and
the initial values of its state for any rate.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from ai_mixer.dsp.convolution import (
    convolve,
    convolver_size,
    init_convolver,
    reset_convolver,
)
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_dynamics import (
    DYNAMICS_STATES,
    band_dynamics,
    band_dynamics_size,
    dynamics,
    init_band_dynamics,
    reset_band_dynamics,
)
from ai_mixer.dsp.streaming_kernels import (
    COMPRESS_STATES,
    ECHO_HEADER_SIZE,
    STATES_PER_BIQUAD,
    compress,
    delay_samples,
    echo,
    init_compress,
    mix_channels,
    second_order_filter,
    side_filter,
)
from ai_mixer.dsp.streaming_saturation import (
    DELAY_SAMPLES,
    init_saturate,
    reset_saturate,
    saturate,
    saturate_size,
)
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
def _state_size(step, taps, sample_rate, channels):  # type: ignore[no-untyped-def]  # noqa: PLR0911
    kind, constants = int(step[KIND]), step_constants(step)
    if kind == KernelKind.FILTER:
        return STATES_PER_BIQUAD * channels
    if kind == KernelKind.SIDE_FILTER:
        return STATES_PER_BIQUAD
    if kind == KernelKind.COMPRESS:
        return COMPRESS_STATES
    if kind == KernelKind.ECHO:
        return ECHO_HEADER_SIZE + channels * delay_samples(constants[1], sample_rate)
    if kind == KernelKind.CONVOLVE:
        return convolver_size(taps, sample_rate, channels)
    if kind == KernelKind.DYNAMICS:
        return DYNAMICS_STATES
    if kind == KernelKind.BAND_DYNAMICS:
        return band_dynamics_size(channels)
    if kind == KernelKind.SATURATE:
        return saturate_size(channels)
    return 0


@njit(cache=True, nogil=True)
def plan_states(steps, taps, sample_rate, channels):  # type: ignore[no-untyped-def]
    """Numbers of coefficients and of states of encoded steps. taps: [S], of their responses."""
    at, number, coefficients, states = 0, 0, 0, 0
    while at < len(steps):
        step = steps[at:]
        states += _state_size(step, taps[number], sample_rate, channels)
        coefficients += int(step[COEFFICIENTS])
        at, number = at + step_length(step), number + 1
    return coefficients, states


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
def init_states(states, steps, taps, responses, sample_rate, channels):  # type: ignore[no-untyped-def]
    """Write the initial states, and TAPS and STATE of the encoded steps.

    responses: those of all steps with one, [output, input, T] each, one after another.
    """
    states[:] = 0.0
    at, first, sample, number = 0, 0, 0, 0
    while at < len(steps):
        step = steps[at:]
        step[TAPS] = taps[number]
        step[STATE] = _state_size(step, taps[number], sample_rate, channels)
        state = states[first : first + int(step[STATE])]
        constants, kind = step_constants(step), int(step[KIND])
        if kind == KernelKind.COMPRESS:
            init_compress(state, constants, sample_rate)
        elif kind == KernelKind.ECHO:
            state[0] = constants[0]
        elif kind == KernelKind.CONVOLVE:
            count = channels * channels * int(step[TAPS])
            response = responses[sample : sample + count]
            init_convolver(
                state, response.reshape((channels, channels, int(step[TAPS]))), sample_rate
            )
            sample += count
        elif kind == KernelKind.DYNAMICS:
            state[1] = constants[0]
        elif kind == KernelKind.BAND_DYNAMICS:
            init_band_dynamics(state, constants, sample_rate)
        elif kind == KernelKind.SATURATE:
            init_saturate(state, constants, sample_rate)
        at, first, number = at + step_length(step), first + int(step[STATE]), number + 1


@njit(cache=True, nogil=True)
def reset_states(states, steps, channels):  # type: ignore[no-untyped-def]
    """Reset the states to those before the first sample; keep what depends on the sample rate."""
    at, first = 0, 0
    while at < len(steps):
        step = steps[at:]
        kind, state = int(step[KIND]), states[first : first + int(step[STATE])]
        if kind in (KernelKind.FILTER, KernelKind.SIDE_FILTER):
            state[:] = 0.0
        elif kind == KernelKind.COMPRESS:
            state[5] = 0.0  # the gain
        elif kind == KernelKind.ECHO:
            state[1:] = 0.0
        elif kind == KernelKind.CONVOLVE:
            reset_convolver(state, channels)
        elif kind == KernelKind.DYNAMICS:
            state[0] = 0.0  # the gain
        elif kind == KernelKind.BAND_DYNAMICS:
            reset_band_dynamics(state)
        elif kind == KernelKind.SATURATE:
            reset_saturate(state)
        at, first = at + step_length(step), first + int(step[STATE])


@njit(cache=True, nogil=True)
def run_steps(audio, now, by, steps, states, running):  # type: ignore[no-untyped-def]
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
        at, first, column = at + step_length(step), first + int(step[STATE]), end
