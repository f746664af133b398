import torch

from ai_mixer.console import load_console
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio
from ai_mixer.evaluation.bench.workloads import (
    console_workload,
    effect_workloads,
    forward_backward,
    loss_workloads,
)
from ai_mixer.losses import WeightedLoss
from ai_mixer.losses.balance import SpectralBalanceLoss
from ai_mixer.losses.knobs import KnobLoss

RATE = 8000
AUDIO = synthetic_audio(2, 0.5, RATE)


def test_every_effect_has_a_workload():
    console = load_console("classic", "wide")
    names = [work.name for work in effect_workloads(console, AUDIO, RATE)]
    assert names == [*console.effects, "limiter, idle", "limiter, 6 dB"]


def test_every_effect_changes_the_audio():
    """Knobs are away from neutral, so no effect is skipped; the limiter is timed idle as well."""
    for work in effect_workloads(load_console("classic", "wide"), AUDIO, RATE):
        changed = not torch.equal(work.function(*work.leaves), work.leaves[0])
        assert changed == (work.name != "limiter, idle"), work.name


def test_all_knobs_of_the_console_get_a_gradient():
    work = console_workload(load_console("classic", "wide"), AUDIO, RATE)
    leaves = [leaf.detach().requires_grad_() for leaf in work.leaves]
    work.function(*leaves).square().sum().backward()
    assert leaves[1].grad.abs().min() > 0
    forward_backward(work)()
    assert all(leaf.grad is None for leaf in work.leaves)


def test_every_loss_term_has_a_workload_with_a_positive_value():
    terms = {
        name: {"weight": 1.0, "scale": 1.0, "term": term}
        for name, term in {"knobs": KnobLoss(), "balance": SpectralBalanceLoss()}.items()
    }
    works = {work.name: work for work in loss_workloads(WeightedLoss(terms), AUDIO, RATE)}
    assert list(works) == ["loss knobs", "loss balance", "losses together"]
    assert all(work.function(*work.leaves) > 0 for work in works.values())
