"""Tests of the knob loss: masks, error functions, genre weighting."""

import pytest
import torch

from ai_mixer.core.types import Prediction
from ai_mixer.losses.knobs import HUBER_THRESHOLD, KnobLoss, reversed_huber


@pytest.fixture
def batch(music, make_batch):
    mask = torch.tensor([[True, True, False, True], [True, False, False, False]])
    return make_batch(music(songs=2), mask=mask)


def test_mean_squared_error_over_unmasked_knobs(batch):
    knobs = batch.knobs + torch.tensor([[0.1, -0.2, 9.0, 0.0], [0.3, 9.0, 9.0, 9.0]])
    value = KnobLoss()(Prediction(knobs), None, batch).item()
    assert value == pytest.approx((0.01 + 0.04 + 0.09) / 4)


def test_the_gradient_of_the_absolute_error_is_constant(batch):
    knobs = (batch.knobs + torch.tensor([[0.1, -0.2, 9.0, 0.001], [0.3, 9.0, 9.0, 9.0]])).detach()
    value = KnobLoss(error="absolute")(Prediction(knobs.requires_grad_()), None, batch)
    assert value.item() == pytest.approx((0.1 + 0.2 + 0.001 + 0.3) / 4)
    value.backward()
    assert knobs.grad[batch.mask].abs().unique().tolist() == [0.25]


def test_reversed_huber_is_absolute_below_and_squared_above_the_threshold():
    error = torch.linspace(-1.0, 1.0, 2001, dtype=torch.float64, requires_grad=True)
    value = reversed_huber(error)
    slope = torch.autograd.grad(value.sum(), error)[0]
    size = error.detach().abs()
    small, large = size <= HUBER_THRESHOLD, size > HUBER_THRESHOLD
    assert torch.equal(value[small], size[small])
    torch.testing.assert_close(slope[large], error.detach()[large] / HUBER_THRESHOLD)
    assert value.diff().abs().max() <= 1e-3 / HUBER_THRESHOLD  # continuous at the threshold
    assert torch.equal(slope[size > 0].sign(), error.detach()[size > 0].sign())


def test_an_unknown_error_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"squared, absolute, reversed_huber.*cubed"):
        KnobLoss(error="cubed")


def test_masked_knobs_have_no_gradient_even_if_nan(batch):
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


def test_genre_weighting_equalises_the_shares_of_easy_and_hard_genres(make_batch):
    """Knob 0 has an error of 0.4 in rock and 0.1 without genre."""
    batch = make_batch(torch.zeros(40, 2, 1), knobs=torch.zeros(40, 1))
    batch.genre = torch.arange(40) % 2 - 1  # unknown, rock
    errors = torch.where(batch.genre[:, None] == 0, 0.4, 0.1)
    term = KnobLoss(by_genre=1.0)
    for _ in range(400):
        knobs = errors.clone().requires_grad_()
        term(Prediction(knobs), None, batch).backward()
    shares = knobs.grad.abs() * errors  # gradient = weight · error
    torch.testing.assert_close(shares[0], shares[1], rtol=0.01, atol=0)
    plain = errors.clone().requires_grad_()
    KnobLoss()(Prediction(plain), None, batch).backward()
    assert plain.grad[1] == 4 * plain.grad[0]


def test_by_genre_outside_0_1_is_an_error():
    with pytest.raises(ValueError, match=r"by_genre .*2"):
        KnobLoss(by_genre=2.0)
