"""Resample a song that comes in blocks, with the memory of a few blocks."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.dsp.resample import common_period, half_width_samples

OUTPUT_SAMPLES = 1 << 16


def resample_blocks(
    blocks: Iterable[Tensor], rate: int, sample_rate: int, frames: int
) -> Iterator[Tensor]:
    """Resample blocks [C, n] of a song of `frames` samples from `rate` to `sample_rate`.

    Equal to resampling the whole song. Yields blocks [C, n].
    """
    window = _Window(blocks)
    length = -(-frames * sample_rate // rate)
    kept = 4 * (half_width_samples(rate, sample_rate) + common_period(rate, sample_rate)[0])
    for first in range(0, length, OUTPUT_SAMPLES):
        window.drop_before(first * rate // sample_rate - kept)
        count = min(OUTPUT_SAMPLES, length - first)
        yield read_resampled(window.read, rate, first, count, sample_rate)


class _Window:
    """A part of a song that moves forward."""

    def __init__(self, blocks: Iterable[Tensor]) -> None:
        self._blocks, self._start, self._audio = iter(blocks), 0, torch.empty(0)

    def drop_before(self, sample: int) -> None:
        """Forget samples before this one."""
        count = max(0, min(sample - self._start, self._audio.shape[-1]))
        self._audio, self._start = self._audio[..., count:], self._start + count

    def read(self, first: int, length: int) -> Tensor:
        """Samples [C, length], silent outside the song."""
        stop = first + length
        while self._start + self._audio.shape[-1] < stop:
            block = next(self._blocks, None)
            if block is None:
                break
            self._audio = torch.cat([self._audio, block], -1) if self._audio.numel() else block
        before = max(0, -first)
        part = self._audio[..., max(first, 0) - self._start : stop - self._start]
        return pad(part, (before, length - before - part.shape[-1]))
