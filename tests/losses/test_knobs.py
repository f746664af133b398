"""Knob error: masked knobs do not exist."""

import pytest
import torch

from ai_mixer.losses.knobs import Knobs


@pytest.fixture
def batch(music, make_batch):
    mask = torch.tensor([[True, True, False, True], [True, False, False, False]])
    return make_batch(music(songs=2), mask=mask)


def test_mean_over_the_knobs_that_count(batch):
    knobs = batch.knobs + torch.tensor([[0.1, -0.2, 9.0, 0.0], [0.3, 9.0, 9.0, 9.0]])
    assert Knobs()(knobs, None, batch).item() == pytest.approx((0.01 + 0.04 + 0.09) / 4)


def test_blind_to_masked_knobs_even_if_undefined(batch):
    batch.knobs[0, 2] = torch.nan
    knobs = torch.rand(2, 4, dtype=torch.float64, requires_grad=True)
    Knobs()(knobs, None, batch).backward()
    assert knobs.grad.isfinite().all()
    assert torch.equal(knobs.grad != 0, batch.mask)


def test_all_masked_is_zero(batch):
    batch.mask[:] = False
    knobs = torch.rand(2, 4, requires_grad=True)
    value = Knobs()(knobs, None, batch)
    value.backward()
    assert value.item() == 0.0
    assert knobs.grad.abs().max() == 0


def test_uniform_knobs_answered_with_the_middle_cost_a_twelfth(music, make_batch):
    knobs = torch.rand(20_000, 4, dtype=torch.float64)
    batch = make_batch(torch.zeros(20_000, 2, 1, dtype=torch.float64), knobs=knobs)
    assert Knobs()(torch.full_like(knobs, 0.5), None, batch).item() == pytest.approx(1 / 12, 0.02)
