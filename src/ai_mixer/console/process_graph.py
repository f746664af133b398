"""The compiled entry for a graph: all strips, buses and the master for one block of audio.

As `console.process`: all state and work space lie in one array of float64, and `process_graph`
allocates no memory, raises no exception and takes no lock. The gains from each track to the mix and
to each bus are the coefficients of a chain without audio, so that sends move like all knobs.
"""

from ai_mixer.console.live_chain import (
    SETTLED,
    STARTED,
    advance_rows,
    chain_buffers,
    flush_chain,
    next_rows,
    process_chain,
    start_chain,
)
from ai_mixer.console.process import MAX_INPUT, flush, latency, process
from ai_mixer.console.smoothing import is_moving, set_target
from ai_mixer.utils.compilation import njit

CHANNELS = 2

# Memory: these numbers, the start of each part and the end of the last one, then the parts: a strip
# per track, the gains, the buses, the master, the signals, the positions of the sends. Signals: of
# the tracks, then of the mix and the buses.
TRACKS, BUSES, EFFECT_KNOBS, SENDS, STRIP_LATENCY, FLUSHED, HEADER_SIZE = range(7)


@njit(cache=True, nogil=True)
def graph_part(memory, number):  # type: ignore[no-untyped-def]
    """Part of the memory."""
    start, end = memory[HEADER_SIZE + number], memory[HEADER_SIZE + number + 1]
    return memory[int(start) : int(end)]


@njit(cache=True, nogil=True)
def graph_latency(memory):  # type: ignore[no-untyped-def]
    """Delay of the output in samples."""
    master = graph_part(memory, int(memory[TRACKS] + memory[BUSES]) + 1)
    return int(memory[STRIP_LATENCY]) + latency(master)


@njit(cache=True, nogil=True)
def process_graph(tracks, out, knobs, path, memory, is_end):  # type: ignore[no-untyped-def]
    """Process a block: tracks [N, 2, n] → out [2, n], delayed by `graph_latency` samples.

    knobs: target positions in the order of `KnobLayout.names`; a change is reached within 70 ms.
    path: empty. NaN and samples over MAX_INPUT count as 0. is_end: True at the end of a song, for
    the next n samples that are still delayed: first those of the strips, then those of the master;
    tracks are not read.
    """
    count, buses = int(memory[TRACKS]), int(memory[BUSES])
    master = graph_part(memory, count + buses + 1)
    if is_end and memory[FLUSHED] >= memory[STRIP_LATENCY]:
        flush(out, master)
        return
    at = 0  # of the knobs
    for number in range(count + 1 + buses):  # one call of the chain, which is compiled once
        signal, part = _signal(memory, number, out.shape[1]), graph_part(memory, number)
        if number == count:
            _add_to_inputs(knobs, path, memory, out.shape[1])
            continue
        own = len(chain_buffers(part).knobs)
        if number < count and is_end:
            flush_chain(signal, part)
        else:
            if number < count:
                _read_track(tracks[number], signal)
            process_chain(signal, knobs[at : at + own], path, part)
        at += own + (int(memory[SENDS]) if number < count else 0)
        if number > count:
            _add(signal, _signal(memory, count, out.shape[1]))
    if is_end:
        memory[FLUSHED] += out.shape[1]
    process(_signal(memory, count, out.shape[1]), out, knobs[at:], path, master)


@njit(cache=True, nogil=True)
def _read_track(track, signal):  # type: ignore[no-untyped-def]
    for channel in range(CHANNELS):
        x, y = track[channel], signal[channel]
        for n in range(len(y)):
            y[n] = x[n] if abs(x[n]) <= MAX_INPUT else 0.0


@njit(cache=True, nogil=True)
def _add(source, target):  # type: ignore[no-untyped-def]
    for channel in range(CHANNELS):
        x, y = source[channel], target[channel]
        for n in range(len(y)):
            y[n] += x[n]


@njit(cache=True, nogil=True)
def _signal(memory, number, length):  # type: ignore[no-untyped-def]
    """Signal of a track, the mix or a bus: [2, length]."""
    tracks, buses = int(memory[TRACKS]), int(memory[BUSES])
    signals = graph_part(memory, tracks + buses + 2)
    size = len(signals) // (tracks + 1 + buses)
    return signals[number * size :][: CHANNELS * length].reshape((CHANNELS, length))


@njit(cache=True, nogil=True)
def _add_to_inputs(knobs, path, memory, length):  # type: ignore[no-untyped-def]
    """Sum the tracks to the mix and to the inputs of the buses."""
    tracks, buses = int(memory[TRACKS]), int(memory[BUSES])
    for bus in range(1 + buses):
        _signal(memory, tracks + bus, length)[:] = 0.0
    part = graph_part(memory, tracks)
    chain, targets = chain_buffers(part), _send_targets(knobs, memory)
    if not part[STARTED]:
        start_chain(chain, part, targets, path)
    set_target(chain.ramp, targets)
    if is_moving(chain.ramp):
        part[SETTLED] = 0.0
    done = 0
    while done < length:
        count = next_rows(chain, part, path, 0, length - done)
        for track in range(tracks):
            for bus in range(1 + buses):
                gain = 2 * (track * (1 + buses) + bus)
                now, by = chain.rows[0, gain], chain.rows[2, gain]
                if now != 0.0 or by != 0.0:
                    source = _signal(memory, track, length)
                    target = _signal(memory, tracks + bus, length)
                    for channel in range(CHANNELS):
                        x, y = source[channel][done:], target[channel][done:]
                        for n in range(count):
                            y[n] += (now + n * by) * x[n]
        advance_rows(chain, part, count)
        done += count


@njit(cache=True, nogil=True)
def _send_targets(knobs, memory):  # type: ignore[no-untyped-def]
    """Positions of the sends of all tracks, one after another."""
    tracks, sends = int(memory[TRACKS]), int(memory[SENDS])
    targets = graph_part(memory, tracks + int(memory[BUSES]) + 3)
    first = int(memory[EFFECT_KNOBS])
    for track in range(tracks):
        for send in range(sends):
            targets[track * sends + send] = knobs[track * (first + sends) + first + send]
    return targets
