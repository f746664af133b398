"""A song in blocks is resampled as a whole one is."""

import pytest
import torch

from ai_mixer.audio.resample_blocks import resample_blocks
from ai_mixer.dsp.resample import resample
from helpers.measures import residual_db
from helpers.signals import noise


@pytest.mark.parametrize(("rate", "to_rate"), [(96_000, 48_000), (44_100, 48_000)])
@pytest.mark.parametrize("size", [999, 50_000])
def test_blocks_equal_the_whole(rate, to_rate, size):
    x = noise(2, 200_000)
    blocks = list(resample_blocks(torch.split(x, size, -1), rate, to_rate, x.shape[-1]))
    result, whole = torch.cat(blocks, -1), resample(x, rate, to_rate)
    assert result.shape[-1] == -(-x.shape[-1] * to_rate // rate)
    length = min(whole.shape[-1], result.shape[-1])
    assert residual_db(result[:, :length], whole[:, :length]) < -90
