"""The compiled entry of the engine: a whole console for one block of audio.

`process` computes the positions of moving knobs, looks up the coefficients, runs the chain and the
limiter. State and work space are arguments: it allocates no memory, raises no exception and takes
no lock, so it may run in an audio thread.
"""

from typing import NamedTuple

import numpy as np

from ai_mixer.console import coefficient_table, smoothing
from ai_mixer.console.coefficient_table import CoefficientTable, look_up
from ai_mixer.console.smoothing import (
    CONTROL_PERIOD_SAMPLES,
    NOW,
    KnobRamp,
    advance,
    is_moving,
    positions_at,
    set_target,
)
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_chain import StreamingChain, run_chain, sources_version
from ai_mixer.dsp.streaming_limiter import StreamingLimiter, limit_block, samples_before
from ai_mixer.utils.compilation import njit

NO_PATH = np.empty((0, 0))


class Coefficients(NamedTuple):
    """Coefficients of the chain: settled [1] int64, 1 if no knob moves; and rows [3, K].

    Rows: coefficients now, at the end of the control period, and the change per sample.
    """

    settled: Array
    rows: Array


class WorkSpace(NamedTuple):
    """Buffers: part [C · N] float64, samples of one control period or block; positions [P]."""

    part: Array
    positions: Array


class EngineState(NamedTuple):
    """State and constants of `process`: its last arguments, in order."""

    ramp: KnobRamp
    table: CoefficientTable
    coefficients: Coefficients
    chain: StreamingChain
    limiter: StreamingLimiter | None
    work: WorkSpace


def _compile(version: int):  # type: ignore[no-untyped-def]
    @njit(cache=True, nogil=True, error_model="numpy")
    def next_coefficients(path, period, ramp, table, coefficients, work, samples):  # type: ignore[no-untyped-def]
        """Set the coefficients of the next samples; return for how many of them they hold."""
        now, end, step = coefficients.rows[0], coefficients.rows[1], coefficients.rows[2]
        if coefficients.settled[0]:
            step[:] = 0.0
            return samples
        remaining = CONTROL_PERIOD_SAMPLES - ramp.counts[NOW] % CONTROL_PERIOD_SAMPLES
        if len(path) > 0:
            end[:] = path[period]
        else:
            positions_at(ramp, ramp.counts[NOW] + remaining, work.positions)
            look_up(table, work.positions, end)
        for k in range(len(now)):
            step[k] = (end[k] - now[k]) / remaining
        return min(samples, remaining)

    @njit(cache=True, nogil=True, error_model="numpy")
    def advance_coefficients(ramp, coefficients, samples):  # type: ignore[no-untyped-def]
        """Advance the time by samples that `next_coefficients` returned."""
        now, end, step = coefficients.rows[0], coefficients.rows[1], coefficients.rows[2]
        advance(ramp, samples)
        if coefficients.settled[0]:
            return
        at_end = ramp.counts[NOW] % CONTROL_PERIOD_SAMPLES == 0
        for k in range(len(now)):
            now[k] = end[k] if at_end else now[k] + samples * step[k]
        if at_end and not is_moving(ramp):
            coefficients.settled[0] = 1

    @njit(cache=True, nogil=True, error_model="numpy")
    def process(audio, out, knobs, path, ramp, table, coefficients, chain, limiter, work):  # type: ignore[no-untyped-def]
        """Process a block: audio [C, n] → out [C, n], delayed by the limiter's latency.

        knobs: target positions [P] in 0–1; a change is reached within the ramp's length. path:
        empty, or coefficients [periods, K] at the ends of the control periods (`period_ends`) for
        knobs that the table cannot convert. limiter: None for no limiter. NaN and infinite samples
        count as 0.
        """
        assert version >= 0
        set_target(ramp, knobs)
        if is_moving(ramp):
            coefficients.settled[0] = 0
        channels, length = audio.shape
        if limiter is None:
            mix, offset = out, 0
        else:
            mix, offset = limiter.delayed[0], samples_before(limiter)
        done, period = 0, 0
        while done < length:
            count = next_coefficients(path, period, ramp, table, coefficients, work, length - done)
            part = work.part[: channels * count].reshape((channels, count))
            for channel in range(channels):
                for n in range(count):
                    x = audio[channel, done + n]
                    part[channel, n] = x if np.isfinite(x) else 0.0
            run_chain(part, coefficients.rows[0], coefficients.rows[2], chain)
            for channel in range(channels):
                for n in range(count):
                    mix[channel, offset + done + n] = part[channel, n]
            advance_coefficients(ramp, coefficients, count)
            done, period = done + count, period + 1
        if limiter is not None:
            limit_block(out, limiter)

    return process


process = _compile(sources_version(coefficient_table, smoothing))
