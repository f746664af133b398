"""What is special about the members of the family."""

import pytest
import torch

from ai_mixer.models.balanced_cnn import BalancedCNN
from ai_mixer.models.blocks import ResidualBlock, mean_and_peak
from ai_mixer.models.heads import PerKnobHead
from ai_mixer.models.transformer import FRAMES_PER_TOKEN, MAX_TOKENS, Transformer, pool_tokens
from helpers.signals import noise


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (96, 217)])
def test_a_residual_block_halves_and_rounds_up(size):
    out = ResidualBlock(8, 16)(noise(2, 8, *size, level=1.0))
    assert out.shape == (2, 16, -(-size[0] // 2), -(-size[1] // 2))


def test_mean_and_peak_of_a_single_place():
    x = noise(2, 3, 1, 1, level=1.0)
    assert mean_and_peak(x).equal(torch.cat([x, x], 1).flatten(1))


@torch.no_grad()
def test_each_knob_has_a_head_of_its_own():
    head = PerKnobHead(8, 4, n_knobs=3)
    asked, shared = noise(2, 3, 8, level=1.0), noise(2, 4, level=1.0)
    before = head(asked, shared)
    asked[:, 1] += 1.0
    head.own[1] += 0.1
    changed = head(asked, shared) != before
    assert changed.tolist() == [[False, True, False]] * 2


@torch.no_grad()
def test_each_knob_asks_a_question_of_its_own():
    torch.manual_seed(0)
    model = BalancedCNN(4, 44_100).eval()
    log_mel = noise(2, 6, 96, 40, level=1.0)
    before = model.backbone(log_mel)
    model.questions[2] += 1.0
    changed = (model.backbone(log_mel) - before).abs().amax((0, 2)) > 1e-6
    assert changed.tolist() == [False, False, True, False]


def test_words_are_averages_with_a_rest():
    track = torch.tensor([[[1.0, 3.0, 5.0, 5.0, 7.0]]])
    mean, spread = pool_tokens(track, 2).unbind(-1)
    assert mean.tolist() == [[2.0, 5.0, 7.0]]
    torch.testing.assert_close(spread, torch.tensor([[1.0, 0.001, 0.001]]))


def test_a_text_is_no_longer_for_a_whole_song():
    ten_minutes = noise(1, 1, 6_500, level=1.0)
    assert [pool_tokens(ten_minutes, frames).shape[1] for frames in FRAMES_PER_TOKEN] == [
        MAX_TOKENS - 12,
        MAX_TOKENS - 12,
        204,
    ]


@torch.no_grad()
def test_the_transformer_knows_before_from_after():
    torch.manual_seed(0)
    model = Transformer(4, 44_100).eval()
    log_mel = noise(1, 6, 96, 256, level=1.0)
    backwards = log_mel.flip(-1)
    assert not torch.allclose(model.backbone(log_mel), model.backbone(backwards), atol=1e-4)
