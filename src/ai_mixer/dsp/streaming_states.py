"""State of a chain of effects (`dsp.streaming_chain`): its size and initial values at any rate."""

from ai_mixer.dsp.convolution import convolver_size, init_convolver, reset_convolver
from ai_mixer.dsp.streaming_chain import (
    COEFFICIENTS,
    KIND,
    STATE,
    TAPS,
    KernelKind,
    step_constants,
    step_length,
)
from ai_mixer.dsp.streaming_delays import delay_size, init_fade, reset_delay
from ai_mixer.dsp.streaming_dynamics import (
    DYNAMICS_STATES,
    band_dynamics_size,
    init_band_dynamics,
    reset_band_dynamics,
)
from ai_mixer.dsp.streaming_kernels import (
    COMPRESS_STATES,
    ECHO_HEADER_SIZE,
    STATES_PER_BIQUAD,
    delay_samples,
    init_compress,
)
from ai_mixer.dsp.streaming_network import init_network, network_size, reset_network
from ai_mixer.dsp.streaming_saturation import init_saturate, reset_saturate, saturate_size
from ai_mixer.utils.compilation import njit


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
    if kind == KernelKind.DELAY:
        return delay_size(constants[0], sample_rate, channels)
    if kind == KernelKind.NETWORK:
        return network_size(constants[0], sample_rate, channels)
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
        elif kind == KernelKind.DELAY:
            init_fade(state, sample_rate)
        elif kind == KernelKind.NETWORK:
            init_network(state, constants[0], sample_rate)
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
        elif kind == KernelKind.DELAY:
            reset_delay(state)
        elif kind == KernelKind.NETWORK:
            reset_network(state)
        at, first = at + step_length(step), first + int(step[STATE])
