import torch

from ai_mixer.console import load_console
from ai_mixer.evaluation.bench.workloads import chain, effects, forward_backward, losses, music
from ai_mixer.losses import Objective
from ai_mixer.losses.balance import Balance
from ai_mixer.losses.knobs import Knobs

RATE = 8000
AUDIO = music(2, 0.5, RATE)


def test_every_effect_of_the_console_is_measured():
    console = load_console("classic", "wide")
    names = [work.name for work in effects(console, AUDIO, RATE)]
    assert names == [*console.effects, "limiter, idle", "limiter, 6 dB"]


def test_no_effect_is_measured_idle():
    """Knobs stand away from neutral, so nothing takes a short cut; the limiter does both."""
    for work in effects(load_console("classic", "wide"), AUDIO, RATE):
        changed = not torch.equal(work.function(*work.leaves), work.leaves[0])
        assert changed == (work.name != "limiter, idle"), work.name


def test_all_knobs_of_the_chain_get_a_gradient():
    work = chain(load_console("classic", "wide"), AUDIO, RATE)
    leaves = [leaf.detach().requires_grad_() for leaf in work.leaves]
    work.function(*leaves).square().sum().backward()
    assert leaves[1].grad.abs().min() > 0
    forward_backward(work)()
    assert all(leaf.grad is None for leaf in work.leaves)


def test_every_term_is_measured_and_not_zero():
    terms = {
        name: {"weight": 1.0, "scale": 1.0, "term": term}
        for name, term in {"knobs": Knobs(), "balance": Balance()}.items()
    }
    works = {work.name: work for work in losses(Objective(terms), AUDIO, RATE)}
    assert list(works) == ["loss knobs", "loss balance", "losses together"]
    assert all(work.function(*work.leaves) > 0 for work in works.values())
