"""WeightedEnsemble and GenreEnsemble."""

from functools import partial

import pytest
import torch

from ai_mixer.core.types import CONDITIONS, GENRES
from ai_mixer.models.baseline_cnn import BaselineCNN
from ai_mixer.models.enhanced_cnn import EnhancedCNN
from ai_mixer.models.genre_ensemble import GenreEnsemble
from ai_mixer.models.weighted_ensemble import WeightedEnsemble
from helpers.signals import noise

KNOBS, RATE = 4, 44_100
SMALL = {"channels": 8, "features": 16, "n_mels": 32}


@pytest.fixture
def inputs():
    return *noise(2, 3, 2, 20_000), torch.arange(3) % len(CONDITIONS)


@pytest.fixture
def ensemble():
    torch.manual_seed(0)
    members = [partial(BaselineCNN, **SMALL), partial(EnhancedCNN, **SMALL, blocks=2)]
    built = WeightedEnsemble(KNOBS, RATE, members).eval()
    for member in built.members:
        torch.nn.init.normal_(member.head.linear.weight, std=0.5)
    return built


@torch.no_grad()
def test_initial_prediction_is_the_mean_of_the_members(ensemble, inputs):
    each = torch.stack([member(*inputs) for member in ensemble.members])
    torch.testing.assert_close(ensemble(*inputs), each.mean(0))


@torch.no_grad()
def test_weights_sum_to_one_and_apply_per_condition_and_knob(ensemble, inputs):
    torch.nn.init.normal_(ensemble.logits)
    assert (ensemble.weights >= 0).all()
    torch.testing.assert_close(ensemble.weights.sum(1), torch.ones(3, KNOBS))
    ensemble.logits.fill_(0.0)
    ensemble.logits[1, 0, 2] = 100.0  # with a reference, knob 2: the first member alone
    first, second = (member(*inputs) for member in ensemble.members)
    expected = (first + second) / 2
    expected[1, 2] = first[1, 2]
    torch.testing.assert_close(ensemble(*inputs), expected)


def test_members_must_have_equal_feature_config():
    members = [partial(BaselineCNN, **SMALL), partial(BaselineCNN, **SMALL | {"n_mels": 48})]
    with pytest.raises(ValueError, match=r"feature_config.*48"):
        WeightedEnsemble(KNOBS, RATE, members)
    with pytest.raises(ValueError, match="no members"):
        WeightedEnsemble(KNOBS, RATE, [])


def model_with_different_experts():
    """A GenreEnsemble whose gate depends on its bias only."""
    torch.manual_seed(0)
    model = GenreEnsemble(KNOBS, RATE, channels=8, blocks=2, features=16, n_mels=32).eval()
    for specialist in model.specialists:
        torch.nn.init.normal_(specialist.linear.weight, std=0.5)
    model.genre.weight.zero_()
    return model


@torch.no_grad()
def test_knobs_are_the_mean_of_the_experts_weighted_by_genre_probability():
    model = model_with_different_experts()
    backbone, statistics = torch.randn(3, 48), torch.randn(3, 16)
    both, condition = torch.cat([backbone, statistics], dim=-1), torch.arange(3)
    model.genre.bias.zero_()
    each = torch.stack([specialist(both) for specialist in model.specialists])
    knobs = model.predict_knobs(backbone, statistics, condition)
    torch.testing.assert_close(knobs, each.mean(0))
    jazz, rock = GENRES.index("jazz"), GENRES.index("rock")
    model.genre.bias[jazz] = 100.0
    knobs = model.predict_knobs(backbone, statistics, condition)
    torch.testing.assert_close(knobs, each[jazz])
    model.genre.bias.fill_(-1e9)
    for share in torch.linspace(0.01, 0.99, 9):
        model.genre.bias[rock], model.genre.bias[jazz] = (1 - share).log(), share.log()
        knobs = model.predict_knobs(backbone, statistics, condition)
        torch.testing.assert_close(knobs, (1 - share) * each[rock] + share * each[jazz])
