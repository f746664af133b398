"""Tests of the uncertainty loss and the genre loss."""

import pytest
import torch

from ai_mixer.core.types import Prediction
from ai_mixer.losses.genre import GenreLoss
from ai_mixer.losses.uncertainty import UncertaintyLoss


@pytest.fixture
def batch(make_batch):
    return make_batch(torch.zeros(5000, 2, 1), knobs=torch.full((5000, 2), 0.5))


def test_minimal_at_the_mean_absolute_error(batch):
    errors = torch.distributions.Laplace(0.0, 0.1).sample((5000, 2))
    predictions = [
        Prediction(batch.knobs + errors, torch.full_like(errors, s)) for s in (0.08, 0.1, 0.13)
    ]
    below, best, above = (UncertaintyLoss()(one, None, batch) for one in predictions)
    assert best < below
    assert best < above


def test_knobs_receive_no_gradient(batch):
    knobs = torch.rand(5000, 2, requires_grad=True)
    uncertainty = torch.full((5000, 2), 0.1, requires_grad=True)
    UncertaintyLoss()(Prediction(knobs, uncertainty), None, batch).backward()
    assert knobs.grad is None
    assert (uncertainty.grad != 0).all()


@pytest.mark.parametrize("term", [UncertaintyLoss(), GenreLoss()])
def test_zero_without_a_prediction(term, batch):
    assert term(Prediction(batch.knobs), None, batch).item() == 0.0


def test_songs_of_unknown_genre_are_ignored(batch):
    logits = torch.randn(5000, 6, generator=torch.Generator().manual_seed(0))
    batch.genre[100:] = -1
    some = GenreLoss()(Prediction(batch.knobs, None, logits), None, batch)
    alone = torch.nn.functional.cross_entropy(logits[:100], batch.genre[:100])
    torch.testing.assert_close(some, alone)
    batch.genre[:] = -1
    assert GenreLoss()(Prediction(batch.knobs, None, logits), None, batch).item() == 0.0
