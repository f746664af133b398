"""The compiled entry of the engine: a whole console for one block of audio.

All state and work space lie in one array of float64, `memory`, whose size and initial values
`engine_size` and `init_engine` compute. `process` allocates no memory, raises no exception and
takes no lock, so it may run in an audio thread. The description of a console does not depend on
the sample rate, except for the responses of its reverbs.
"""

import numpy as np

from ai_mixer.console.live_chain import (
    LATENCY,
    chain_size,
    flush_chain,
    init_chain,
    process_chain,
    reset_chain,
)
from ai_mixer.dsp.streaming_limiter import (
    init_limiter,
    limit,
    limiter_latency,
    limiter_size,
    reset_limiter,
)
from ai_mixer.utils.compilation import njit

NO_PATH = np.empty((0, 0))
MAX_INPUT = 1e10  # +200 dBFS: what is larger, or not finite, would stay in the state of the filters

# Memory: these numbers, then the memory of the chain, of the limiter, and a block of audio.
LIMIT, CHAIN_END, LIMITER_END, HEADER_SIZE = range(4)


@njit(cache=True, nogil=True)
def engine_size(chain, limiter, sample_rate, block_size, channels):  # type: ignore[no-untyped-def]
    """Size of the memory in float64 numbers.

    chain: `ChainDescription`. limiter: `LimiterSettings`.
    """
    chain_numbers = chain_size(chain, sample_rate, block_size, channels)
    limiter_numbers = limiter_size(limiter, sample_rate, block_size, channels)
    return HEADER_SIZE + chain_numbers + limiter_numbers + channels * block_size


@njit(cache=True, nogil=True)
def init_engine(memory, chain, limiter, use_limiter, sample_rate, block_size, channels, like):  # type: ignore[no-untyped-def]
    """Write the initial state. use_limiter: False for no limiter. like: array of the audio's type.

    Knobs of the first block apply at once.
    """
    chain_end = HEADER_SIZE + chain_size(chain, sample_rate, block_size, channels)
    limiter_end = chain_end + limiter_size(limiter, sample_rate, block_size, channels)
    memory[LIMIT], memory[CHAIN_END], memory[LIMITER_END] = use_limiter, chain_end, limiter_end
    init_chain(memory[HEADER_SIZE:chain_end], chain, sample_rate, block_size, channels)
    init_limiter(memory[chain_end:limiter_end], limiter, sample_rate, block_size, channels, like)
    memory[limiter_end:] = 0.0


@njit(cache=True, nogil=True)
def reset_engine(memory, like):  # type: ignore[no-untyped-def]
    """Reset the state to that before the first block; fast, for an audio thread."""
    reset_chain(chain_memory(memory))
    reset_limiter(limiter_memory(memory), like)


@njit(cache=True, nogil=True)
def chain_memory(memory):  # type: ignore[no-untyped-def]
    """Part of the memory that `live_chain` uses."""
    return memory[HEADER_SIZE : int(memory[CHAIN_END])]


@njit(cache=True, nogil=True)
def limiter_memory(memory):  # type: ignore[no-untyped-def]
    """Part of the memory that `streaming_limiter` uses."""
    return memory[int(memory[CHAIN_END]) : int(memory[LIMITER_END])]


@njit(cache=True, nogil=True)
def latency(memory):  # type: ignore[no-untyped-def]
    """Delay of the output in samples."""
    limiter = limiter_latency(limiter_memory(memory)) if memory[LIMIT] else 0
    return limiter + int(chain_memory(memory)[LATENCY])


@njit(cache=True, nogil=True)
def _limit(block, out, memory):  # type: ignore[no-untyped-def]
    if memory[LIMIT]:
        limit(block, out, limiter_memory(memory), 0)
        return
    for channel in range(block.shape[0]):
        for n in range(block.shape[1]):
            out[channel, n] = block[channel, n]


@njit(cache=True, nogil=True)
def process(audio, out, knobs, path, memory):  # type: ignore[no-untyped-def]
    """Process a block: audio [C, n] → out [C, n], delayed by `latency` samples.

    knobs: target positions [P] in 0–1; a change is reached within 70 ms. path: empty, or
    coefficients [periods, K] at the ends of the control periods (`smoothing.period_ends`), for
    effects that have no formula. NaN and samples over MAX_INPUT count as 0.
    """
    channels, length = audio.shape
    block = memory[int(memory[LIMITER_END]) :][: channels * length].reshape((channels, length))
    for channel in range(channels):
        for n in range(length):
            x = audio[channel, n]
            block[channel, n] = x if abs(x) <= MAX_INPUT else 0.0
    process_chain(block, knobs, path, chain_memory(memory))
    _limit(block, out, memory)


@njit(cache=True, nogil=True)
def flush(out, memory):  # type: ignore[no-untyped-def]
    """Write the next samples that are still delayed to out [C, n]: the end of a song.

    What effects without delay would add after the song, e.g. echoes, is not part of it.
    """
    channels, length = out.shape
    block = memory[int(memory[LIMITER_END]) :][: channels * length].reshape((channels, length))
    flush_chain(block, chain_memory(memory))
    _limit(block, out, memory)
