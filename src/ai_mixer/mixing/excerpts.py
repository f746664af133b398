"""Excerpts of a song for its long-term levels, and their mix with settings."""

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.mixing.mix_console import MixConsole
from ai_mixer.mixing.mix_options import KnobValues

RATE_HZ = 44_100
EXCERPT_S, EXCERPTS = 5.0, 6  # read of a song, evenly spaced


def read_excerpts(song: AudioFile) -> Tensor:
    """Evenly spaced excerpts, one after the other: [2, T] at RATE_HZ; mono on both channels."""
    length = round(song.duration_s * RATE_HZ)
    size = min(round(EXCERPT_S * RATE_HZ), length)
    starts = torch.linspace(0, length - size, min(EXCERPTS, max(1, length // size))).long()
    parts = [
        read_resampled(song.read_samples, song.sample_rate, int(start), size, RATE_HZ)
        for start in starts
    ]
    return torch.cat(parts, -1).expand(2, -1)


@torch.no_grad()
def render_excerpt(console: MixConsole, excerpt: Tensor, settings: KnobValues) -> Tensor:
    """Mix [2, T] of an excerpt, without the limiter."""
    part, knobs = console.console.without_neutral(console.console.knobs_from(settings))
    mix: Tensor = part(excerpt[None], RATE_HZ, knobs, limit=False)[0]
    return mix
