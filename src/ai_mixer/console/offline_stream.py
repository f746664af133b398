"""Rendering of songs of any length, block by block.

With fixed knobs, a long response is convolved by large Fourier transforms of torch, and the effects
before and after it by the engine (`console.process`): four times as fast as its convolution, which
has no latency.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.stream import ConsoleStream

BLOCK_SAMPLES = 1 << 15
KNOB_UPDATE_SAMPLES = 1 << 12  # block size if the knobs change during the song

Blocks = Iterable[Tensor]
"""Parts of a song in order, [C, n] each, any n."""


def render(
    console: EffectChain,
    blocks: Blocks,
    sample_rate: int,
    knobs: Tensor | Callable[[int], Tensor],
    *,
    limit: bool = True,
) -> Iterator[Tensor]:
    """Render a song of any length lazily, block by block.

    knobs: [P] positions, or a function that returns the positions from a given sample on (called
    every 4096 samples; the stream interpolates between them). Yields blocks [C, n] without latency,
    in total as long as the song. Differs from `console(song, sample_rate, knobs)` by −90 dB or
    less. Memory: one block, that of a Fourier transform and the limiter's look-ahead; the whole
    song if the knobs move an effect without a live form (`Effect.streamable`; ValueError for knobs
    that change during the song).
    """
    if callable(knobs):
        parts = _split(blocks, KNOB_UPDATE_SAMPLES)
        yield from _stream(console, parts, sample_rate, knobs, limit)
        return
    row = knobs.reshape(1, -1)
    if console.unstreamable_effect(row):
        yield from _render_whole(console, blocks, sample_rate, row, limit)
    else:
        yield from _render_fixed(*console.without_neutral(row), blocks, sample_rate, limit)


def _render_fixed(
    console: EffectChain, knobs: Tensor, blocks: Blocks, sample_rate: int, limit: bool
) -> Blocks:
    """Render with positions [1, P]: effects with a renderer of their own apart from the others."""
    effects, start = list(console.effects_with_columns()), 0

    def stream(stop: int, limit: bool) -> Blocks:
        part, indices = console.select([start <= n < stop for n in range(len(effects))])
        parts = _split(blocks, BLOCK_SAMPLES)
        return _stream(part, parts, sample_rate, knobs[0, indices], limit)

    for number, (effect, columns) in enumerate(effects):
        if effect.renders_blocks:
            if number > start:
                blocks = stream(number, False)
            values = console.physical_values(columns, knobs.double())
            blocks, start = effect.render_blocks(blocks, sample_rate, **values), number + 1
    return stream(len(effects), limit) if limit or start < len(effects) else blocks


def _render_whole(
    console: EffectChain, blocks: Blocks, sample_rate: int, knobs: Tensor, limit: bool
) -> Iterator[Tensor]:
    parts = list(blocks)
    with torch.no_grad():
        for song in [torch.cat(parts, dim=-1)] if parts else []:
            yield console(song[None], sample_rate, knobs, limit=limit)[0]


def _stream(
    console: EffectChain,
    blocks: Blocks,
    sample_rate: int,
    knobs: Tensor | Callable[[int], Tensor],
    limit: bool,
) -> Iterator[Tensor]:
    """Process blocks of at most BLOCK_SAMPLES, without latency."""
    stream, latency, start = None, 0, 0
    for block in blocks:
        if stream is None:
            stream = ConsoleStream(
                console, sample_rate, BLOCK_SAMPLES, channels=len(block), limit=limit
            )
            latency = stream.latency_samples
        mix = stream(block, knobs(start) if callable(knobs) else knobs)
        start += block.shape[-1]
        skipped, latency = latency, max(0, latency - mix.shape[-1])
        yield mix[..., skipped:]
    if stream is not None:
        yield stream.finish()[..., latency:]


def _split(blocks: Blocks, size: int) -> Iterator[Tensor]:
    return (part for block in blocks for part in torch.split(block, size, dim=-1))
