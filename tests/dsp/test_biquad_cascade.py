"""Filters in series as one operator equal filters one after another."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from ai_mixer.dsp.biquad_cascade import biquad_cascade
from ai_mixer.dsp.biquad_lanes import BLOCK, GROUP
from ai_mixer.dsp.biquad_pairs import PART_SAMPLES
from ai_mixer.dsp.filters import peak
from ai_mixer.dsp.filters_in_series import filters_in_series
from helpers.measures import residual_db
from helpers.signals import noise


def sections(songs, filters):
    """Peaks of different gains, [B, S, 5]."""
    gains_db = torch.linspace(-9, 9, songs, dtype=torch.float64)
    peaks = [peak(gains_db + s, 150.0 * 2**s, 0.7, 44_100) for s in range(filters)]
    return torch.stack([torch.cat([b, a[:, 1:]], dim=1) for b, a in peaks], dim=1)


@pytest.mark.parametrize("songs", [1, 3, GROUP // 2, GROUP + 1])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("length", [1, 2, BLOCK, 3 * BLOCK + 5, 2 * PART_SAMPLES + 1])
def test_a_cascade_and_its_gradient_equal_filters_in_series(songs, channels, length):
    x, c = noise(songs, channels, length, dtype=torch.float64), sections(songs, 4)
    weights, leaves = noise(*x.shape, seed=1, dtype=torch.float64), (x, c)
    results = []
    for function in (biquad_cascade, filters_in_series):
        inputs = [leaf.clone().requires_grad_() for leaf in leaves]
        y = function(*inputs)
        results.append([y, *torch.autograd.grad((y * weights).sum(), inputs)])
    for got, want in zip(*results, strict=True):
        assert residual_db(got, want) <= -200


@pytest.mark.parametrize("songs", [2, 9])
def test_float32_audio_keeps_its_type(songs):
    x, c = noise(songs, 2, 1000), sections(songs, 5)
    y = biquad_cascade(x, c)
    assert y.dtype == torch.float32
    assert residual_db(y, filters_in_series(x.double(), c)) <= -140


@pytest.mark.parametrize("songs", [2, 4])
def test_derivatives_are_exact(songs):
    leaves = noise(songs, 2, 20, dtype=torch.float64), sections(songs, 3)
    leaves = [leaf.requires_grad_() for leaf in leaves]
    assert gradcheck(biquad_cascade, leaves, fast_mode=True)
    assert gradgradcheck(biquad_cascade, leaves, fast_mode=True)


@pytest.mark.parametrize("channels", [1, 8])
def test_vmap_folds_its_dimension(channels):
    x, c = noise(3, 2, channels, 300), sections(6, 2).reshape(3, 2, 2, 5)
    y = torch.func.vmap(biquad_cascade)(x, c)
    for one, own, result in zip(x, c, y, strict=True):
        assert torch.equal(biquad_cascade(one, own), result)


@pytest.mark.parametrize("songs", [1, 8])
def test_silence_behind_audio_is_no_denormal_number(songs):
    x = torch.zeros(songs, 1, 100_000)
    x[..., 0] = 1.0
    assert not biquad_cascade(x, sections(songs, 3))[..., -1000:].any()


@pytest.mark.parametrize(
    ("x", "c"), [((2, 100), (2, 3, 5)), ((2, 1, 9), (2, 3, 6)), ((2, 1, 9), (1, 3, 5))]
)
def test_other_shapes_are_refused(x, c):
    with pytest.raises(ValueError, match=r"biquad_cascade: needs x \[B, C, T\] and sections"):
        biquad_cascade(torch.zeros(x), torch.zeros(c))
