"""Stereo features: width, correlation and left-right balance."""

import torch
from torch import Tensor

from ai_mixer.dsp.levels import width_db
from ai_mixer.dsp.spectra import power_to_db

SILENCE_POWER = 1e-12  # at most: a channel counts as silent


def stereo(audio: Tensor, sample_rate: int) -> dict[str, float]:
    """Compute width, correlation and balance. audio: [C, T]; mono counts as two equal channels.

    Side over mid (dB, −60 for mono), correlation of left and right (−1 to 1; 1 for silence), left
    over right (dB). sample_rate is not used.
    """
    left, right = audio.expand(2, -1).double()
    powers = left.square().mean(), right.square().mean()
    both = torch.sqrt(powers[0] * powers[1])
    correlation = (left * right).mean() / both if both > SILENCE_POWER else torch.ones(())
    return {
        "width_db": width_db(torch.stack([left, right])[None]).item(),
        "correlation": correlation.item(),
        "left_over_right_db": (power_to_db(powers[0]) - power_to_db(powers[1])).item(),
    }
