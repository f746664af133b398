"""Tests of the compressor whose settings are knobs, against loops and the fixed compressor."""

import pytest
import torch

from ai_mixer.effects.compressor import Compressor
from ai_mixer.effects.dynamics import Dynamics
from helpers.compressor import compress_in_a_loop
from helpers.effects import music
from helpers.measures import residual_db

SETTINGS = [
    {"threshold_db": -30.0, "ratio": 4.0, "attack_ms": 3.0, "release_ms": 60.0, "knee_db": 1.0},
    {"threshold_db": -12.0, "ratio": 1.5, "attack_ms": 40.0, "release_ms": 500.0, "knee_db": 12.0},
    {"threshold_db": -20.0, "ratio": 1.0, "attack_ms": 10.0, "release_ms": 100.0, "knee_db": 6.0},
]
MAKEUP_DB = [0.0, 6.0, -3.0]


def knobs_of(settings, makeup_db):
    rows = {n: torch.tensor([s[n] for s in settings]).double() for n in SETTINGS[0]}
    return rows | {"makeup_db": torch.tensor(makeup_db).double()}


@pytest.mark.parametrize("rate", [8_000, 48_000])
@pytest.mark.parametrize("song", [0, 1, 2])
def test_it_equals_a_loop_over_the_published_equations(rate, song):
    x = music(batch=3, seconds=0.3, rate=rate)
    y = Dynamics(max_reduction_db=50)(x, rate, **knobs_of(SETTINGS, MAKEUP_DB))
    want = compress_in_a_loop(x[song].numpy(), rate, MAKEUP_DB[song], **SETTINGS[song])
    assert residual_db(y[song], want) <= -120


def test_with_fixed_settings_it_equals_the_fixed_compressor():
    x, settings = music(), {n: v for n, v in SETTINGS[0].items() if n != "ratio"}
    fixed = Compressor(**settings, max_reduction_db=9.0)
    want = fixed(x, 44_100, ratio=torch.tensor([4.0]).double())
    got = Dynamics(max_reduction_db=9.0)(x, 44_100, **knobs_of(SETTINGS[:1], [0.0]))
    assert residual_db(got, want) <= -200


def test_gradient_descent_finds_the_settings():
    """All settings of one compressor from its output: the gradients are those of the sound."""
    x, rate = music(seconds=1.0, rate=8000), 8000
    effect, true = Dynamics(), knobs_of([SETTINGS[0] | {"knee_db": 8.0}], [2.0])
    finished, scales = effect(x, rate, **true), torch.tensor([4.0, 0.5, 0.5, 0.5, 2.0, 1.0])
    start = {"threshold_db": -26.0, "ratio": 3.0, "attack_ms": 5.0, "release_ms": 90.0}
    start |= {"knee_db": 5.0, "makeup_db": 0.0}
    offsets = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    log = torch.tensor([False, True, True, True, False, False])

    def values():
        first = torch.tensor(list(start.values())).double()
        moved = torch.where(log, first * (offsets * scales).exp(), first + offsets * scales)
        return {name: moved[k, None] for k, name in enumerate(start)}

    optimizer = torch.optim.LBFGS([offsets], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (effect(x, rate, **values()) - finished).square().mean() * 1e6
        loss.backward()
        return loss

    first = float(closure().detach())
    optimizer.step(closure)
    assert float(closure().detach()) < 1e-4 * first
    for name, value in values().items():
        torch.testing.assert_close(value.detach(), true[name], rtol=0.05, atol=0.3)


def test_settings_are_inaudible_below_the_threshold_but_the_makeup_is_not():
    audible = Dynamics().audible_knobs(0.01 * music(), 44_100, **knobs_of(SETTINGS[:1], [3.0]))
    assert [name for name, heard in audible.items() if heard] == ["makeup_db"]
    audible = Dynamics().audible_knobs(music(), 44_100, **knobs_of(SETTINGS[:1], [3.0]))
    assert all(audible.values())


def test_a_cap_that_the_detector_cannot_reach_is_refused():
    with pytest.raises(ValueError, match="max_reduction_db: needs a value of 0–60, got 0"):
        Dynamics(max_reduction_db=0)
