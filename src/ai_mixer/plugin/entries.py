"""Compiled entries of the engine for C: arguments are pointers and numbers.

`c/kernels.h` declares them. The description of the console is compiled in, except for the spectra
of rooms, which are large. All return 0.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import carray, types  # type: ignore[attr-defined]

from ai_mixer.console import knob_encoding
from ai_mixer.console.live_chain import ChainDescription
from ai_mixer.console.process import (
    NO_PATH,
    engine_size,
    init_engine,
    latency,
    process,
    reset_engine,
)
from ai_mixer.dsp.chirp_transform import add_inverse_transform, chirp_work_size, init_chirp
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_limiter import LimiterSettings
from ai_mixer.plugin.description import BINS, DURATION_S, PERIOD_S, EngineDescription
from ai_mixer.utils.compilation import njit

I64, F64 = types.int64, types.float64
I64_POINTER, F32_POINTER, F64_POINTER = map(types.CPointer, (I64, types.float32, F64))
MEMORY, RESPONSES, WORK, SIZES = range(4)  # sizes that `plan` writes

_compiled = njit(cache=False, nogil=True)
_to_position, _to_value = knob_encoding.knob_position, knob_encoding.physical_value


class Entry(NamedTuple):
    """A compiled function and the types of its arguments."""

    function: Any
    arguments: tuple[Any, ...]


def entry(*arguments: Any) -> Callable[[Callable[..., int]], Entry]:
    """Decorator of a function that C calls."""
    return lambda function: Entry(_compiled(function), arguments)


def build_entries(description: EngineDescription) -> dict[str, Entry]:
    """Build the entries of a console: name → entry."""
    rooms = _room_entries(description.rooms, description.spectra.size)
    memory = _memory_entries(description)
    return (
        rooms | memory | _audio_entries(len(description.knobs)) | _knob_entries(description.knobs)
    )


@_compiled
def _period(room, sample_rate):  # type: ignore[no-untyped-def]
    """Length of the transform of a room's response in samples."""
    return int(sample_rate) * int(room[PERIOD_S])


@_compiled
def _bins(room, sample_rate):  # type: ignore[no-untyped-def]
    """Number of frequencies of a room up to the Nyquist frequency."""
    return min(int(room[BINS]), _period(room, sample_rate) // 2 + 1)


def _room_entries(rooms: Array, spectra_size: int) -> dict[str, Entry]:
    """Entries for the responses of rooms at a sample rate."""
    steps = len(rooms)

    @entry(F64, I64, I64_POINTER, I64_POINTER)
    def plan_responses(sample_rate, channels, taps, sizes):  # type: ignore[no-untyped-def]
        """Write the taps [S] of the steps' responses, and two of the sizes."""
        taps, sizes = carray(taps, (steps,)), carray(sizes, (SIZES,))
        sizes[RESPONSES] = sizes[WORK] = 0
        for step in range(steps):
            taps[step] = round(rooms[step, DURATION_S] * sample_rate)
            sizes[RESPONSES] += channels * channels * taps[step]
            if taps[step] > 0:
                work = chirp_work_size(_bins(rooms[step], sample_rate), taps[step])
                sizes[WORK] = max(sizes[WORK], work)
        return 0

    @entry(F64, I64, F32_POINTER, I64_POINTER, I64_POINTER, F32_POINTER, F64_POINTER)
    def respond(sample_rate, channels, spectra, taps, sizes, responses, work):  # type: ignore[no-untyped-def]
        """Add the responses of rooms to zeros; a mono one is the left output for both inputs."""
        taps, sizes = carray(taps, (steps,)), carray(sizes, (SIZES,))
        spectra, work = carray(spectra, (spectra_size,)), carray(work, (sizes[WORK],))
        responses = carray(responses, (sizes[RESPONSES],))
        spectrum_at, response_at = 0, 0
        for step in range(steps):
            if taps[step] == 0:
                continue
            period, bins = _period(rooms[step], sample_rate), int(rooms[step, BINS])
            init_chirp(work, period, _bins(rooms[step], sample_rate), taps[step])
            for output in range(channels):
                for source in range(2):
                    first = spectrum_at + 2 * bins * (2 * output + source)
                    path = channels * output + min(source, channels - 1)
                    start = response_at + taps[step] * path
                    spectrum = spectra[first : first + 2 * bins].reshape((bins, 2))
                    add_inverse_transform(
                        spectrum, period, responses[start : start + taps[step]], work
                    )
            spectrum_at += 2 * bins * 4
            response_at += channels * channels * taps[step]
        return 0

    return {"plan_responses": plan_responses, "respond": respond}


def _memory_entries(description: EngineDescription) -> dict[str, Entry]:
    """Entries for the size and the initial values of an engine's memory."""
    knobs, steps, step_count = description.knobs, description.steps, len(description.rooms)
    use_limiter = description.limit
    *numbers, sharp, soft = description.limiter
    threshold, target, lookahead_ms, release_ms, memory_ms = map(float, numbers)

    @_compiled
    def limiter():  # type: ignore[no-untyped-def]
        return LimiterSettings(threshold, target, lookahead_ms, release_ms, memory_ms, sharp, soft)

    @entry(F64, I64, I64, I64_POINTER, I64_POINTER)
    def plan_memory(sample_rate, block_size, channels, taps, sizes):  # type: ignore[no-untyped-def]
        """Write the size of the memory."""
        taps, sizes = carray(taps, (step_count,)), carray(sizes, (SIZES,))
        chain = ChainDescription(knobs, steps, taps, taps[:0].view(np.float32))
        sizes[MEMORY] = engine_size(chain, limiter(), sample_rate, block_size, channels)
        return 0

    @entry(F64, I64, I64, I64_POINTER, I64_POINTER, F32_POINTER, F64_POINTER)
    def init(sample_rate, block_size, channels, taps, sizes, responses, memory):  # type: ignore[no-untyped-def]
        """Write the initial state; the knobs of the first block apply at once."""
        taps, sizes = carray(taps, (step_count,)), carray(sizes, (SIZES,))
        responses = carray(responses, (sizes[RESPONSES],))
        chain = ChainDescription(knobs, steps, taps, responses)
        memory, like = carray(memory, (sizes[MEMORY],)), responses[:0].reshape((0, 0))
        init_engine(memory, chain, limiter(), use_limiter, sample_rate, block_size, channels, like)
        return 0

    return {"plan_memory": plan_memory, "init": init}


def _audio_entries(knobs: int) -> dict[str, Entry]:
    """Entries for an initialised engine."""

    @entry(F64_POINTER, I64)
    def reset(memory, size):  # type: ignore[no-untyped-def]
        """Write the state before the first block again."""
        memory = carray(memory, (size,))
        reset_engine(memory, memory[:0].view(np.float32).reshape((0, 0)))
        return 0

    @entry(F64_POINTER, I64, I64, F32_POINTER, F32_POINTER, F64_POINTER, I64)
    def run(memory, size, channels, audio, out, positions, samples):  # type: ignore[no-untyped-def]
        """Process audio [C, samples] to out [C, samples]; positions: [P] in 0–1."""
        shape = (channels, samples)
        positions, memory = carray(positions, (knobs,)), carray(memory, (size,))
        process(carray(audio, shape), carray(out, shape), positions, NO_PATH, memory)
        return 0

    @entry(F64_POINTER, I64, I64_POINTER)
    def delay(memory, size, samples):  # type: ignore[no-untyped-def]
        """Write the delay of the output in samples to [1]."""
        carray(samples, (1,))[0] = latency(carray(memory, (size,)))
        return 0

    return {"reset": reset, "run": run, "delay": delay}


def _knob_entries(knobs: Array) -> dict[str, Entry]:
    """Entries that convert knobs, with encoded knobs [P, 3]."""

    @entry(I64, F64, F64_POINTER)
    def knob_position(knob, value, position):  # type: ignore[no-untyped-def]
        """Write the position of a physical value to [1]."""
        carray(position, (1,))[0] = _to_position(knobs[knob], value)
        return 0

    @entry(I64, F64, F64_POINTER)
    def knob_value(knob, position, value):  # type: ignore[no-untyped-def]
        """Write the physical value of a position to [1]."""
        carray(value, (1,))[0] = _to_value(knobs[knob], position)
        return 0

    return {"knob_position": knob_position, "knob_value": knob_value}
