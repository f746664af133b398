"""Learning-rate schedules as curves: warm-up, decay and restarts, for any length."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.training.schedulers import constant, cosine, warm_restarts

PEAK = 2e-3


def rates(schedule, steps, **options):
    """Learning rate of every step, as a share of the peak."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([weight], lr=PEAK)
    scheduler = schedule(optimizer, steps, **options)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"] / PEAK)
        optimizer.step()
        scheduler.step()
    return values


def restarts(values):
    """Steps at which the rate rises after the warm-up."""
    top = values.index(max(values))
    pairs = zip(values[top:], values[top + 1 :], strict=False)
    return [top + 1 + step for step, (last, rate) in enumerate(pairs) if rate > last + 1e-9]


def sgdr(step, length, final):
    """Loshchilov & Hutter 2017, eq. 5, with η_max = 1."""
    return final + 0.5 * (1 - final) * (1 + math.cos(math.pi * step / length))


@pytest.mark.parametrize(("cycles", "growth"), [(1, 1), (1, 2), (3, 2), (4, 1), (2, 3)])
def test_warm_restarts_equal_the_equation(cycles, growth):
    """A hundred steps per unit of length, after a warm-up of ten."""
    units = sum(growth**cycle for cycle in range(cycles))
    steps = 100 * units + 10
    options = {"cycles": cycles, "growth": growth, "final": 0.1, "warmup": 10 / steps}
    lengths = [100 * growth**cycle for cycle in range(cycles)]
    expected = [(step + 1) / 10 for step in range(10)]
    expected += [sgdr(step, length, 0.1) for length in lengths for step in range(length)]
    assert rates(warm_restarts, steps, **options) == pytest.approx(expected, rel=1e-6)


@given(
    steps=st.integers(1, 400),
    cycles=st.integers(1, 4),
    growth=st.integers(1, 3),
    warmup=st.floats(0.0, 0.3),
)
def test_warm_restarts_of_any_length(steps, cycles, growth, warmup):
    values = rates(warm_restarts, steps, cycles=cycles, growth=growth, warmup=warmup)
    assert all(0.0 < rate <= 1.0 + 1e-9 for rate in values)
    assert len(restarts(values)) < cycles
    warmup_steps = max(1, round(warmup * steps))
    assert values[:warmup_steps] == pytest.approx(
        [(step + 1) / warmup_steps for step in range(warmup_steps)]
    )
    units = sum(growth**cycle for cycle in range(cycles))
    if steps >= warmup_steps + 20 * growth * units:  # each cycle has enough steps
        assert len(restarts(values)) == cycles - 1
        assert values[-1] < 0.2


def test_one_cycle_equals_the_cosine():
    for steps in (1, 2, 20, 144):
        one = rates(warm_restarts, steps, cycles=1)
        assert one == pytest.approx(rates(cosine, steps), rel=1e-6)


def test_cosine_rises_once_and_falls_to_the_final_rate():
    values = rates(cosine, 200, warmup=0.1, final=0.05)
    assert values[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert values[20:] == sorted(values[20:], reverse=True)
    assert values[-1] == pytest.approx(0.05, abs=1e-3)
    assert restarts(values) == []


def test_constant_rate():
    assert rates(constant, 5) == [1.0] * 5


@pytest.mark.parametrize("wrong", [{"cycles": 0}, {"growth": 0}, {"cycles": -1}])
def test_wrong_cycles_or_growth_are_errors(wrong):
    with pytest.raises(ValueError, match=r"scheduler\.cycles=.*growth="):
        rates(warm_restarts, 10, **wrong)


@pytest.mark.parametrize("schedule", [cosine, warm_restarts, constant])
def test_resumed_schedule_gives_the_same_rates(schedule, tmp_path):
    """Its state can be loaded with `weights_only=True`."""

    def create():
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
        return optimizer, schedule(optimizer, 60)

    def step_rates(optimizer, scheduler, steps):
        values = []
        for _ in range(steps):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return values

    optimizer, scheduler = create()
    step_rates(optimizer, scheduler, 17)
    states = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    torch.save(states, tmp_path / "states")
    states = torch.load(tmp_path / "states", weights_only=True)
    expected = step_rates(optimizer, scheduler, 43)
    optimizer, scheduler = create()
    optimizer.load_state_dict(states["optimizer"])
    scheduler.load_state_dict(states["scheduler"])
    assert step_rates(optimizer, scheduler, 43) == pytest.approx(expected, rel=1e-9)
