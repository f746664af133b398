"""Synthetic audio and batches for benchmarks and tests."""

import torch
from torch import Tensor

from ai_mixer.core.types import Batch


def synthetic_audio(batch: int, seconds: float, sample_rate: int) -> Tensor:
    """[B, 2, T]: noise of varying level, with hits that exceed the limiter's threshold."""
    generator = torch.Generator().manual_seed(0)
    length = round(seconds * sample_rate)
    common = torch.randn(batch, 1, length, generator=generator)
    separate = torch.randn(batch, 2, length, generator=generator)
    time_s = torch.arange(length) / sample_rate
    envelope = 0.3 + torch.sin(3.0 * time_s).abs() + 3.0 * torch.exp(-(time_s % 0.5) / 0.02)
    return 0.12 * (common + 0.4 * separate) * envelope


def synthetic_batch(audio: Tensor, sample_rate: int) -> Batch:
    """A batch with `audio` [B, C, T] as the rough; the finished version is duller and quieter."""
    finished = 0.7 * (audio + 0.3 * audio.roll(1, dims=-1))
    songs = len(audio)
    return Batch(
        rough=audio,
        finished=finished,
        reference=finished,
        condition=torch.zeros(songs, dtype=torch.long),
        knobs=torch.zeros(songs, 1),
        mask=torch.ones(songs, 1, dtype=torch.bool),
        genre=torch.zeros(songs, dtype=torch.long),
        sample_rate=sample_rate,
        song_id=["noise"] * songs,
    )
