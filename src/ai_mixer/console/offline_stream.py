"""A song of any length through the console, a little of it at a time."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.stream import ConsoleStream

BLOCK_SAMPLES = 1 << 15  # samples at a time
KNOB_UPDATE_SAMPLES = 1 << 12  # between two turns of the knobs


def render(
    console: EffectChain,
    blocks: Iterable[Tensor],
    sample_rate: int,
    knobs: Tensor | Callable[[int], Tensor],
    *,
    limit: bool = True,
) -> Iterator[Tensor]:
    """The mix of a song of any length, block by block as it is asked for.

    blocks: the song's [C, n] in order, any n. knobs: [P] positions, or what they are from a sample
    on (asked for every 4096; the stream glides between the answers). Yields blocks [C, n] that are
    together as long as the song and not late: what `console(song, sample_rate, knobs)` gives, to
    −90 dB and better. In flight: the block that was given, and the limiter's look-ahead.
    """
    stream, late, start = None, 0, 0
    size = KNOB_UPDATE_SAMPLES if callable(knobs) else BLOCK_SAMPLES
    for block in blocks:
        for part in torch.split(block, size, dim=-1):
            if stream is None:
                channels = len(part)
                stream = ConsoleStream(
                    console, sample_rate, BLOCK_SAMPLES, channels=channels, limit=limit
                )
                late = stream.latency_samples
            mix = stream(part, knobs(start) if callable(knobs) else knobs)
            start += part.shape[-1]
            early, late = late, max(0, late - mix.shape[-1])
            yield mix[..., early:]
    if stream is not None:
        yield stream.finish()[..., late:]
