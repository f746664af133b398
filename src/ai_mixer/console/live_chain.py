"""A chain of effects with moving knobs, for blocks of audio: compiled functions over one memory.

Positions of knobs, physical values and coefficients are computed inside, once per control period;
between them the coefficients are interpolated.
"""

from typing import NamedTuple

from ai_mixer.console.knob_encoding import KNOB_FIELDS, physical_value
from ai_mixer.console.smoothing import (
    CONTROL_PERIOD_SAMPLES,
    NOW,
    KnobRamp,
    advance,
    is_moving,
    positions_at,
    ramp_from,
    ramp_size,
    reset_ramp,
    set_target,
)
from ai_mixer.dsp.compiled_formulas import write_coefficients
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_chain import (
    ARGUMENTS,
    COEFFICIENTS,
    FORMULA,
    STEP_HEADER,
    run_steps,
    step_length,
    steps_latency,
)
from ai_mixer.dsp.streaming_states import init_states, plan_states, reset_states
from ai_mixer.utils.compilation import njit

SMOOTHING_S = 0.07  # duration of a knob change; 24 dB in 50 ms is audible on a tone of 100 Hz
MAX_ARGUMENTS = 8  # of a formula

# Memory: these numbers, then the buffers of `LiveChain`.
RATE, CHANNELS, BLOCK, STARTED, SETTLED, KNOBS, STEPS, ROW, STATES, LATENCY, FLUSHED = range(11)
HEADER_SIZE = 11


class ChainDescription(NamedTuple):
    """A chain for one sample rate and channel count.

    knobs: [P, 3], `knob_encoding.encode_knobs`. steps: `streaming_chain.encode_steps`. taps: [S],
    length of the response of each step; responses: float32, `streaming_chain.init_states`. Knobs
    and steps do not depend on the sample rate.
    """

    knobs: Array
    steps: Array
    taps: Array
    responses: Array


class LiveChain(NamedTuple):
    """Buffers of a chain, views of its memory.

    knobs, steps: as in `ChainDescription`. ramp: positions of the knobs. rows: [3, K], coefficients
    now, at the end of the control period, and their change per sample. states: of the steps.
    positions: [P]; arguments: of a formula; part: [C · N], samples of a control period or block.
    """

    knobs: Array
    steps: Array
    ramp: KnobRamp
    rows: Array
    states: Array
    positions: Array
    arguments: Array
    part: Array


@njit(cache=True, nogil=True)
def _ramp_length(sample_rate):  # type: ignore[no-untyped-def]
    return round(SMOOTHING_S * sample_rate)


@njit(cache=True, nogil=True)
def chain_size(description, sample_rate, block_size, channels):  # type: ignore[no-untyped-def]
    """Size of the memory in float64 numbers."""
    d = description
    row, states = plan_states(d.steps, d.taps, sample_rate, channels)
    ramp = ramp_size(len(d.knobs), _ramp_length(sample_rate))
    work = len(d.knobs) + MAX_ARGUMENTS + channels * block_size
    return HEADER_SIZE + d.knobs.size + len(d.steps) + ramp + 3 * row + states + work


@njit(cache=True, nogil=True)
def init_chain(memory, description, sample_rate, block_size, channels):  # type: ignore[no-untyped-def]
    """Write the initial state. The first knobs apply at once, later ones with smoothing."""
    d = description
    row, states = plan_states(d.steps, d.taps, sample_rate, channels)
    memory[:] = 0.0
    memory[RATE], memory[CHANNELS], memory[BLOCK] = sample_rate, channels, block_size
    memory[KNOBS], memory[STEPS] = len(d.knobs), len(d.steps)
    memory[ROW], memory[STATES], memory[LATENCY] = row, states, steps_latency(d.steps)
    chain = chain_buffers(memory)
    for p in range(len(d.knobs)):
        for k in range(KNOB_FIELDS):
            chain.knobs[p, k] = d.knobs[p, k]
    for k in range(len(d.steps)):
        chain.steps[k] = d.steps[k]
    init_states(chain.states, chain.steps, d.taps, d.responses, sample_rate, channels)


@njit(cache=True, nogil=True)
def write_row(chain, sample_rate, positions, row):  # type: ignore[no-untyped-def]
    """Write the coefficients of all steps at positions [P] to a row [K]."""
    at, column = 0, 0
    while at < len(chain.steps):
        step = chain.steps[at:]
        count, end = int(step[ARGUMENTS]), column + int(step[COEFFICIENTS])
        for k in range(count):
            knob, value = int(step[STEP_HEADER + 2 * k]), step[STEP_HEADER + 2 * k + 1]
            if knob >= 0:
                value = physical_value(chain.knobs[knob], positions[knob])
            chain.arguments[k] = value
        write_coefficients(
            int(step[FORMULA]), chain.arguments[:count], sample_rate, row[column:end]
        )
        at, column = at + step_length(step), end


@njit(cache=True, nogil=True)
def reset_chain(memory):  # type: ignore[no-untyped-def]
    """Reset the state to that before the first block: the next knobs apply at once."""
    chain = chain_buffers(memory)
    reset_ramp(chain.ramp)
    reset_states(chain.states, chain.steps, int(memory[CHANNELS]))
    memory[STARTED] = memory[SETTLED] = memory[FLUSHED] = 0.0


@njit(cache=True, nogil=True)
def process_chain(audio, knobs, path, memory):  # type: ignore[no-untyped-def]
    """Process audio [C, n] float64 in place.

    knobs: target positions [P] in 0–1. path: empty, or coefficients [periods, K] at the ends of
    the control periods (`period_ends`), for effects without a formula.
    """
    chain = chain_buffers(memory)
    if not memory[STARTED]:
        start_chain(chain, memory, knobs, path)
    set_target(chain.ramp, knobs)
    if is_moving(chain.ramp):
        memory[SETTLED] = 0.0
    channels, length = audio.shape
    done, period = 0, 0
    while done < length:
        count = next_rows(chain, memory, path, period, length - done)
        part = chain.part[: channels * count].reshape((channels, count))
        for channel in range(channels):
            samples, copy = audio[channel][done:], part[channel]
            for n in range(count):  # an index that could be negative would not be vectorised
                copy[n] = samples[n]
        run_steps(part, chain.rows[0], chain.rows[2], chain.steps, chain.states, True)
        for channel in range(channels):
            samples, copy = audio[channel][done:], part[channel]
            for n in range(count):
                samples[n] = copy[n]
        advance_rows(chain, memory, count)
        done, period = done + count, period + 1


@njit(cache=True, nogil=True)
def flush_chain(audio, memory):  # type: ignore[no-untyped-def]
    """Write what the chain has delayed to audio [C, n], then silence: the end of a song."""
    left = int(memory[LATENCY] - memory[FLUSHED])
    audio[:] = 0.0
    if left > 0:
        chain = chain_buffers(memory)
        chain.rows[2][:] = 0.0
        run_steps(audio, chain.rows[0], chain.rows[2], chain.steps, chain.states, False)
        memory[FLUSHED] += audio.shape[1]
    for channel in range(audio.shape[0]):
        for n in range(max(0, left), audio.shape[1]):
            audio[channel, n] = 0.0


@njit(cache=True, nogil=True)
def chain_buffers(memory):  # type: ignore[no-untyped-def]
    """Views of the memory of an initialised chain."""
    knobs, steps, row = int(memory[KNOBS]), int(memory[STEPS]), int(memory[ROW])
    states, samples = int(memory[STATES]), int(memory[CHANNELS]) * int(memory[BLOCK])
    length = _ramp_length(memory[RATE])
    ramp = ramp_size(knobs, length)
    at = HEADER_SIZE
    knob_part, at = memory[at : at + KNOB_FIELDS * knobs], at + KNOB_FIELDS * knobs
    step_part, at = memory[at : at + steps], at + steps
    ramp_part, at = memory[at : at + ramp], at + ramp
    rows, at = memory[at : at + 3 * row], at + 3 * row
    state_part, at = memory[at : at + states], at + states
    positions, at = memory[at : at + knobs], at + knobs
    arguments, at = memory[at : at + MAX_ARGUMENTS], at + MAX_ARGUMENTS
    return LiveChain(
        knob_part.reshape((knobs, KNOB_FIELDS)),
        step_part,
        ramp_from(ramp_part, knobs, length),
        rows.reshape((3, row)),
        state_part,
        positions,
        arguments,
        memory[at : at + samples],
    )


@njit(cache=True, nogil=True)
def start_chain(chain, memory, knobs, path):  # type: ignore[no-untyped-def]
    """Set the first knobs without smoothing."""
    for p in range(len(knobs)):
        chain.ramp.target[p] = knobs[p]
    if len(path) > 0:
        for k in range(len(path[0])):
            chain.rows[0, k] = path[0, k]
    else:
        write_row(chain, memory[RATE], knobs, chain.rows[0])
    memory[STARTED] = memory[SETTLED] = 1.0


@njit(cache=True, nogil=True)
def next_rows(chain, memory, path, period, samples):  # type: ignore[no-untyped-def]
    """Set the coefficients of the next samples; return for how many of them they hold."""
    now, end, step = chain.rows[0], chain.rows[1], chain.rows[2]
    if memory[SETTLED]:
        step[:] = 0.0
        return samples
    counts = chain.ramp.counts
    remaining = CONTROL_PERIOD_SAMPLES - counts[NOW] % CONTROL_PERIOD_SAMPLES
    if len(path) > 0:
        for k in range(len(end)):
            end[k] = path[period, k]
    else:
        positions_at(chain.ramp, counts[NOW] + remaining, chain.positions)
        write_row(chain, memory[RATE], chain.positions, end)
    for k in range(len(now)):
        step[k] = (end[k] - now[k]) / remaining
    return min(samples, remaining)


@njit(cache=True, nogil=True)
def advance_rows(chain, memory, samples):  # type: ignore[no-untyped-def]
    """Advance the time by samples that `next_rows` returned."""
    now, end, step = chain.rows[0], chain.rows[1], chain.rows[2]
    advance(chain.ramp, samples)
    if memory[SETTLED]:
        return
    at_end = chain.ramp.counts[NOW] % CONTROL_PERIOD_SAMPLES == 0
    for k in range(len(now)):
        now[k] = end[k] if at_end else now[k] + samples * step[k]
    if at_end and not is_moving(chain.ramp):
        memory[SETTLED] = 1.0
