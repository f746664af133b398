"""The spread: best where it is the mean error, and never a reason to move a knob."""

import pytest
import torch

from ai_mixer.core.types import Prediction
from ai_mixer.losses.genre import GenreLoss
from ai_mixer.losses.uncertainty import UncertaintyLoss


@pytest.fixture
def batch(make_batch):
    return make_batch(torch.zeros(5000, 2, 1), knobs=torch.full((5000, 2), 0.5))


def test_best_where_it_is_the_mean_absolute_error(batch):
    errors = torch.distributions.Laplace(0.0, 0.1).sample((5000, 2))
    prediction = [
        Prediction(batch.knobs + errors, torch.full_like(errors, s)) for s in (0.08, 0.1, 0.13)
    ]
    below, best, above = (UncertaintyLoss()(one, None, batch) for one in prediction)
    assert best < below
    assert best < above


def test_moves_no_knob(batch):
    knobs = torch.rand(5000, 2, requires_grad=True)
    uncertainty = torch.full((5000, 2), 0.1, requires_grad=True)
    UncertaintyLoss()(Prediction(knobs, uncertainty), None, batch).backward()
    assert knobs.grad is None
    assert (uncertainty.grad != 0).all()


@pytest.mark.parametrize("term", [UncertaintyLoss(), GenreLoss()])
def test_a_model_that_says_nothing_costs_nothing(term, batch):
    assert term(Prediction(batch.knobs), None, batch).item() == 0.0


def test_songs_of_no_known_genre_do_not_count(batch):
    logits = torch.randn(5000, 6, generator=torch.Generator().manual_seed(0))
    batch.genre[100:] = -1
    some = GenreLoss()(Prediction(batch.knobs, None, logits), None, batch)
    alone = torch.nn.functional.cross_entropy(logits[:100], batch.genre[:100])
    torch.testing.assert_close(some, alone)
    batch.genre[:] = -1
    assert GenreLoss()(Prediction(batch.knobs, None, logits), None, batch).item() == 0.0
