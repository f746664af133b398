"""Hand-crafted features of an excerpt: spectrum, loudness, crest and width."""

import torch
from torch import Tensor

from ai_mixer.core.types import Batch, Condition
from ai_mixer.dsp.levels import crest_db, width_db
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.spectra import power_to_db, third_octave_power
from ai_mixer.evaluation.baselines.system import conditioning_audio

FLOOR_DB = -90.0


def meters(x: Tensor, sample_rate: int) -> Tensor:
    """Third-octave levels (dB, channels averaged), loudness (LUFS), crest and width (dB).

    x: [B, C, T] → [B, bands + 3]; 28 bands at 44.1 kHz.
    """
    bands = power_to_db(third_octave_power(x, sample_rate).mean(1), FLOOR_DB)
    whole = [loudness_lufs(x, sample_rate), crest_db(x), width_db(x)]
    return torch.cat([bands, torch.stack(whole, 1)], 1)


def features(batch: Batch, condition: Condition) -> Tensor:
    """Meters of the rough and, unless blind, those of the conditioning audio and the differences.

    Returns [B, 31] if blind and [B, 93] otherwise, at 44.1 kHz.
    """
    rough, other = meters(batch.rough, batch.sample_rate), conditioning_audio(batch, condition)
    if other is None:
        return rough
    target = meters(other, batch.sample_rate)
    return torch.cat([rough, target, target - rough], 1)
