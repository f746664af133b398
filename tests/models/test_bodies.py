"""Properties of single models and of their blocks."""

import pytest
import torch

from ai_mixer.models.balanced_cnn import BalancedCNN
from ai_mixer.models.blocks import ResidualBlock, mean_and_peak
from ai_mixer.models.heads import PerKnobHead
from ai_mixer.models.transformer import FRAMES_PER_TOKEN, MAX_TOKENS, Transformer, pool_tokens
from helpers.signals import noise


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (96, 217)])
def test_residual_block_halves_both_axes_rounding_up(size):
    out = ResidualBlock(8, 16)(noise(2, 8, *size, level=1.0))
    assert out.shape == (2, 16, -(-size[0] // 2), -(-size[1] // 2))


def test_mean_and_peak_of_a_single_element_are_equal():
    x = noise(2, 3, 1, 1, level=1.0)
    assert mean_and_peak(x).equal(torch.cat([x, x], 1).flatten(1))


@torch.no_grad()
def test_per_knob_head_separates_knobs():
    head = PerKnobHead(8, 4, n_knobs=3)
    per_knob, shared = noise(2, 3, 8, level=1.0), noise(2, 4, level=1.0)
    before = head(per_knob, shared)
    per_knob[:, 1] += 1.0
    head.own[1] += 0.1
    changed = head(per_knob, shared) != before
    assert changed.tolist() == [[False, True, False]] * 2


@torch.no_grad()
def test_balanced_cnn_has_one_query_per_knob():
    torch.manual_seed(0)
    model = BalancedCNN(4, 44_100).eval()
    log_mel = noise(2, 6, 96, 40, level=1.0)
    before = model.backbone(log_mel)
    model.questions[2] += 1.0
    changed = (model.backbone(log_mel) - before).abs().amax((0, 2)) > 1e-6
    assert changed.tolist() == [False, False, True, False]


def test_tokens_are_means_and_deviations_and_the_last_is_shorter():
    band = torch.tensor([[[1.0, 3.0, 5.0, 5.0, 7.0]]])
    mean, deviation = pool_tokens(band, 2).unbind(-1)
    assert mean.tolist() == [[2.0, 5.0, 7.0]]
    torch.testing.assert_close(deviation, torch.tensor([[1.0, 0.001, 0.001]]))


def test_number_of_tokens_is_limited():
    ten_minutes = noise(1, 1, 6_500, level=1.0)
    tokens = [pool_tokens(ten_minutes, frames).shape[1] for frames in FRAMES_PER_TOKEN]
    assert tokens == [MAX_TOKENS - 12, MAX_TOKENS - 12, 204]


@torch.no_grad()
def test_transformer_depends_on_temporal_order():
    torch.manual_seed(0)
    model = Transformer(4, 44_100).eval()
    log_mel = noise(1, 6, 96, 256, level=1.0)
    backwards = log_mel.flip(-1)
    assert not torch.allclose(model.backbone(log_mel), model.backbone(backwards), atol=1e-4)
