"""Schedules as curves: where they rise, fall and start again, whatever the length."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.training.schedulers import constant, cosine, warm_restarts

PEAK = 2e-3


def rates(schedule, steps, **options):
    """The rate of every step, as a share of the peak."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([weight], lr=PEAK)
    scheduler = schedule(optimizer, steps, **options)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"] / PEAK)
        optimizer.step()
        scheduler.step()
    return seen


def restarts(seen):
    """Steps at which the rate jumps up again after the warm-up."""
    top = seen.index(max(seen))
    pairs = zip(seen[top:], seen[top + 1 :], strict=False)
    return [top + 1 + step for step, (before, now) in enumerate(pairs) if now > before + 1e-9]


def sgdr(step, length, final):
    """Loshchilov & Hutter 2017, eq. 5, with η_max = 1."""
    return final + 0.5 * (1 - final) * (1 + math.cos(math.pi * step / length))


@pytest.mark.parametrize(("cycles", "growth"), [(1, 1), (1, 2), (3, 2), (4, 1), (2, 3)])
def test_warm_restarts_are_the_paper_s_equation(cycles, growth):
    """A hundred steps for each unit, after a warm-up of ten in all."""
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
    seen = rates(warm_restarts, steps, cycles=cycles, growth=growth, warmup=warmup)
    assert all(0.0 < rate <= 1.0 + 1e-9 for rate in seen)
    assert len(restarts(seen)) < cycles
    rising = max(1, round(warmup * steps))
    assert seen[:rising] == pytest.approx([(step + 1) / rising for step in range(rising)])
    units = sum(growth**cycle for cycle in range(cycles))
    if steps >= rising + 20 * growth * units:  # long enough for each cycle to be seen
        assert len(restarts(seen)) == cycles - 1
        assert seen[-1] < 0.2


def test_one_cycle_is_the_cosine():
    for steps in (1, 2, 20, 144):
        one = rates(warm_restarts, steps, cycles=1)
        assert one == pytest.approx(rates(cosine, steps), rel=1e-6)


def test_the_cosine_rises_once_and_falls_to_its_end():
    seen = rates(cosine, 200, warmup=0.1, final=0.05)
    assert seen[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert seen[20:] == sorted(seen[20:], reverse=True)
    assert seen[-1] == pytest.approx(0.05, abs=1e-3)
    assert restarts(seen) == []


def test_constant_is_constant():
    assert rates(constant, 5) == [1.0] * 5


@pytest.mark.parametrize("wrong", [{"cycles": 0}, {"growth": 0}, {"cycles": -1}])
def test_what_cannot_be_is_named(wrong):
    with pytest.raises(ValueError, match=r"scheduler\.cycles=.*both must be 1 or more"):
        rates(warm_restarts, 10, **wrong)


@pytest.mark.parametrize("schedule", [cosine, warm_restarts, constant])
def test_a_resumed_schedule_goes_on(schedule, tmp_path):
    """Its state is plain (weights-only loading) and enough to give the same rates again."""

    def fresh():
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
        return optimizer, schedule(optimizer, 60)

    def walk(optimizer, scheduler, steps):
        seen = []
        for _ in range(steps):
            seen.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return seen

    optimizer, scheduler = fresh()
    walk(optimizer, scheduler, 17)
    states = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    torch.save(states, tmp_path / "states")
    states = torch.load(tmp_path / "states", weights_only=True)
    expected = walk(optimizer, scheduler, 43)
    optimizer, scheduler = fresh()
    optimizer.load_state_dict(states["optimizer"])
    scheduler.load_state_dict(states["scheduler"])
    assert walk(optimizer, scheduler, 43) == pytest.approx(expected, rel=1e-9)
