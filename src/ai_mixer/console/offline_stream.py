"""Rendering of songs of any length, block by block."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.stream import ConsoleStream

BLOCK_SAMPLES = 1 << 15
KNOB_UPDATE_SAMPLES = 1 << 12  # block size if the knobs change during the song


def render(
    console: EffectChain,
    blocks: Iterable[Tensor],
    sample_rate: int,
    knobs: Tensor | Callable[[int], Tensor],
    *,
    limit: bool = True,
) -> Iterator[Tensor]:
    """Render a song of any length lazily, block by block.

    blocks: [C, n] in order, any n. knobs: [P] positions, or a function that returns the positions
    from a given sample on (called every 4096 samples; the stream interpolates between them). Yields
    blocks [C, n] without latency, in total as long as the song. Differs from
    `console(song, sample_rate, knobs)` by −90 dB or less. Memory: one input block and the limiter's
    look-ahead; the whole song if the knobs move an effect without a live form (`Effect.streamable`;
    ValueError for knobs that change during the song).
    """
    if not callable(knobs) and console.unstreamable_effect(knobs.reshape(1, -1)):
        parts = list(blocks)
        with torch.no_grad():
            for song in [torch.cat(parts, dim=-1)] if parts else []:
                yield console(song[None], sample_rate, knobs.reshape(1, -1), limit=limit)[0]
        return
    stream, latency, start = None, 0, 0
    size = KNOB_UPDATE_SAMPLES if callable(knobs) else BLOCK_SAMPLES
    for block in blocks:
        for part in torch.split(block, size, dim=-1):
            if stream is None:
                channels = len(part)
                stream = ConsoleStream(
                    console, sample_rate, BLOCK_SAMPLES, channels=channels, limit=limit
                )
                latency = stream.latency_samples
            mix = stream(part, knobs(start) if callable(knobs) else knobs)
            start += part.shape[-1]
            skipped, latency = latency, max(0, latency - mix.shape[-1])
            yield mix[..., skipped:]
    if stream is not None:
        yield stream.finish()[..., latency:]
