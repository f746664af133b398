"""Knob error: masked knobs do not exist."""

import pytest
import torch

from ai_mixer.core.types import Prediction
from ai_mixer.losses.knobs import HUBER_THRESHOLD, KnobLoss, reversed_huber


@pytest.fixture
def batch(music, make_batch):
    mask = torch.tensor([[True, True, False, True], [True, False, False, False]])
    return make_batch(music(songs=2), mask=mask)


def test_mean_over_the_knobs_that_count(batch):
    knobs = batch.knobs + torch.tensor([[0.1, -0.2, 9.0, 0.0], [0.3, 9.0, 9.0, 9.0]])
    assert KnobLoss()(Prediction(knobs), None, batch).item() == pytest.approx(
        (0.01 + 0.04 + 0.09) / 4
    )


def test_absolute_errors_pull_alike_however_small(batch):
    knobs = (batch.knobs + torch.tensor([[0.1, -0.2, 9.0, 0.001], [0.3, 9.0, 9.0, 9.0]])).detach()
    value = KnobLoss(error="absolute")(Prediction(knobs.requires_grad_()), None, batch)
    assert value.item() == pytest.approx((0.1 + 0.2 + 0.001 + 0.3) / 4)
    value.backward()
    assert knobs.grad[batch.mask].abs().unique().tolist() == [0.25]


def test_reversed_huber_is_absolute_when_small_squared_when_large_and_smooth_between():
    error = torch.linspace(-1.0, 1.0, 2001, dtype=torch.float64, requires_grad=True)
    value = reversed_huber(error)
    slope = torch.autograd.grad(value.sum(), error)[0]
    size = error.detach().abs()
    small, large = size <= HUBER_THRESHOLD, size > HUBER_THRESHOLD
    assert torch.equal(value[small], size[small])
    torch.testing.assert_close(slope[large], error.detach()[large] / HUBER_THRESHOLD)
    assert value.diff().abs().max() <= 1e-3 / HUBER_THRESHOLD  # no jump at the bend
    assert torch.equal(slope[size > 0].sign(), error.detach()[size > 0].sign())


def test_an_unknown_error_is_named():
    with pytest.raises(ValueError, match="squared, absolute, reversed_huber, got cubed"):
        KnobLoss(error="cubed")


def test_blind_to_masked_knobs_even_if_undefined(batch):
    batch.knobs[0, 2] = torch.nan
    knobs = torch.rand(2, 4, dtype=torch.float64, requires_grad=True)
    KnobLoss()(Prediction(knobs), None, batch).backward()
    assert knobs.grad.isfinite().all()
    assert torch.equal(knobs.grad != 0, batch.mask)


def test_all_masked_is_zero(batch):
    batch.mask[:] = False
    knobs = torch.rand(2, 4, requires_grad=True)
    value = KnobLoss()(Prediction(knobs), None, batch)
    value.backward()
    assert value.item() == 0.0
    assert knobs.grad.abs().max() == 0


def test_uniform_knobs_answered_with_the_middle_cost_a_twelfth(music, make_batch):
    knobs = torch.rand(20_000, 4, dtype=torch.float64)
    batch = make_batch(torch.zeros(20_000, 2, 1, dtype=torch.float64), knobs=knobs)
    assert KnobLoss()(Prediction(torch.full_like(knobs, 0.5)), None, batch).item() == pytest.approx(
        1 / 12, 0.02
    )


def test_what_cannot_be_learned_in_a_genre_weighs_less(make_batch):
    """Knob 0 is off by 0.4 in rock and 0.1 elsewhere: its errors come to weigh the same."""
    batch = make_batch(torch.zeros(40, 2, 1), knobs=torch.zeros(40, 1))
    batch.genre = torch.arange(40) % 2 - 1  # none, rock
    off = torch.where(batch.genre[:, None] == 0, 0.4, 0.1)
    term = KnobLoss(by_genre=1.0)
    for _ in range(400):
        knobs = off.clone().requires_grad_()
        term(Prediction(knobs), None, batch).backward()
    pull = knobs.grad.abs() * off  # gradient over error is the weight; times error², its share
    torch.testing.assert_close(pull[0], pull[1], rtol=0.01, atol=0)
    plain = off.clone().requires_grad_()
    KnobLoss()(Prediction(plain), None, batch).backward()
    assert plain.grad[1] == 4 * plain.grad[0]


def test_by_genre_is_a_share():
    with pytest.raises(ValueError, match="by_genre must be in 0–1, got 2"):
        KnobLoss(by_genre=2.0)
