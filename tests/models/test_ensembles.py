"""Ensembles: what they say lies among what their members say."""

from functools import partial

import pytest
import torch

from ai_mixer.core.types import CONDITIONS, GENRES
from ai_mixer.models.baseline_cnn import BaselineCNN
from ai_mixer.models.enhanced_cnn import EnhancedCNN
from ai_mixer.models.genre_ensemble import GenreEnsemble
from ai_mixer.models.weighted_ensemble import WeightedEnsemble

KNOBS, RATE = 4, 44_100
SMALL = {"channels": 8, "features": 16, "n_mels": 32}


@pytest.fixture
def heard():
    noise = torch.randn(2, 3, 2, 20_000, generator=torch.Generator().manual_seed(0)) * 0.1
    return noise[0], noise[1], torch.arange(3) % len(CONDITIONS)


@pytest.fixture
def ensemble():
    torch.manual_seed(0)
    members = [partial(BaselineCNN, **SMALL), partial(EnhancedCNN, **SMALL, blocks=2)]
    built = WeightedEnsemble(KNOBS, RATE, members).eval()
    for member in built.members:
        torch.nn.init.normal_(member.head.linear.weight, std=0.5)
    return built


@torch.no_grad()
def test_it_starts_at_the_mean_of_its_members(ensemble, heard):
    each = torch.stack([member(*heard) for member in ensemble.members])
    torch.testing.assert_close(ensemble(*heard), each.mean(0))


@torch.no_grad()
def test_weights_are_shares_and_choose_per_condition_and_knob(ensemble, heard):
    torch.nn.init.normal_(ensemble.logits)
    assert (ensemble.weights >= 0).all()
    torch.testing.assert_close(ensemble.weights.sum(1), torch.ones(3, KNOBS))
    ensemble.logits.fill_(0.0)
    ensemble.logits[1, 0, 2] = 100.0  # with a reference, knob 2: the first member alone
    first, second = (member(*heard) for member in ensemble.members)
    expected = (first + second) / 2
    expected[1, 2] = first[1, 2]
    torch.testing.assert_close(ensemble(*heard), expected)


def test_members_must_share_their_ears():
    members = [partial(BaselineCNN, **SMALL), partial(BaselineCNN, **SMALL | {"n_mels": 48})]
    with pytest.raises(ValueError, match="different ears"):
        WeightedEnsemble(KNOBS, RATE, members)
    with pytest.raises(ValueError, match="no members"):
        WeightedEnsemble(KNOBS, RATE, [])


def of_two_minds():
    """A model whose specialists disagree, and whose gate looks at nothing but its bias."""
    torch.manual_seed(0)
    model = GenreEnsemble(KNOBS, RATE, channels=8, blocks=2, features=16, n_mels=32).eval()
    for specialist in model.specialists:
        torch.nn.init.normal_(specialist.linear.weight, std=0.5)
    model.genre.weight.zero_()
    return model


@torch.no_grad()
def test_a_certain_gate_asks_one_specialist():
    model = of_two_minds()
    seen, read = torch.randn(3, 48), torch.randn(3, 16)
    model.genre.bias.zero_()
    both = torch.cat([seen, read], dim=-1)
    each = torch.stack([specialist(both) for specialist in model.specialists])
    torch.testing.assert_close(
        model.predict_knobs(seen, read, torch.arange(len(seen)) % 3), each.mean(0)
    )
    model.genre.bias[GENRES.index("jazz")] = 100.0
    torch.testing.assert_close(
        model.predict_knobs(seen, read, torch.arange(len(seen)) % 3), each[GENRES.index("jazz")]
    )


@torch.no_grad()
def test_from_one_genre_to_another_knobs_glide():
    """Halfway in probability is halfway in every knob; no step is larger than its probability."""
    model = of_two_minds()
    seen, read = torch.randn(1, 48), torch.randn(1, 16)
    both = torch.cat([seen, read], dim=-1)
    rock, jazz = (model.specialists[GENRES.index(name)](both) for name in ("rock", "jazz"))
    model.genre.bias.fill_(-1e9)
    for share in torch.linspace(0.01, 0.99, 9):
        model.genre.bias[GENRES.index("rock")] = (1 - share).log()
        model.genre.bias[GENRES.index("jazz")] = share.log()
        torch.testing.assert_close(
            model.predict_knobs(seen, read, torch.arange(len(seen)) % 3),
            (1 - share) * rock + share * jazz,
        )
