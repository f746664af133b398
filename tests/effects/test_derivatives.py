"""Derivatives of effects and console beyond the first gradient: second ones, `torch.func`."""

import pytest
import torch
from torch.autograd import gradgradcheck

from ai_mixer.console import load_console
from helpers.effects import CLASSES, music, values_at
from helpers.parameters import first_fast

RATE = 8000
CONSOLE = load_console("classic", "wide")
P = len(CONSOLE.knobs)
LONG = {"ReverbBus", "Multiband"}  # seconds each
SHORT_FIRST = sorted(CLASSES, key=lambda c: c.__name__ in LONG)
for_each_effect = pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)


def loud(batch=1, channels=2, seconds=0.4):
    """Audio above the limiter's ceiling and the compressor's threshold."""
    return 3.0 * music(batch=batch, channels=channels, seconds=seconds, rate=RATE)


def positions(batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, P, dtype=torch.float64, generator=generator)


def energy_of_mix(knobs):
    """A number that depends on all knobs, limiter included."""
    mix = CONSOLE(loud(len(knobs)), RATE, knobs)
    return (mix * music(batch=len(knobs), seconds=0.4, rate=RATE, seed=5)).sum()


@pytest.mark.parametrize("cls", first_fast(SHORT_FIRST, -len(LONG)), ids=lambda c: c.__name__)
def test_second_derivatives_are_exact(cls):
    """To audio and knobs, also where the first gradient does not depend on the incoming one."""
    effect, values = cls(), values_at(cls, [0.37, 0.83])
    x = loud(2)

    def render(x, *arguments):
        y = effect(x, RATE, **dict(zip(cls.knob_names, arguments, strict=True)))
        return y.flatten(1)[:, ::61]

    leaves = [leaf.clone().requires_grad_() for leaf in (x, *values.values())]
    assert gradgradcheck(render, leaves, fast_mode=True, eps=1e-7, atol=1e-5, rtol=1e-3)


@for_each_effect
@pytest.mark.parametrize("channels", [1, 2])
def test_gradient_with_a_graph_equals_the_compiled_one(cls, channels):
    effect, x = cls(), loud(2, channels).requires_grad_()
    values = {n: v.clone().requires_grad_() for n, v in values_at(cls, [0.37, 0.83]).items()}
    leaves = [x, *values.values()]
    y = effect(x, RATE, **values).square().sum()
    options = {"retain_graph": True, "materialize_grads": True}
    compiled = torch.autograd.grad(y, leaves, **options)
    with_graph = torch.autograd.grad(y, leaves, create_graph=True, **options)
    torch.testing.assert_close(with_graph, compiled, rtol=1e-9, atol=1e-12)


@for_each_effect
def test_torch_func(cls):
    """grad, vmap of grad (gradients per song) and jacrev equal autograd."""
    effect, values, x = cls(), values_at(cls, [0.37, 0.83]), loud(2)

    def energy(x, values):
        knobs = {name: value[None] for name, value in values.items()}
        return effect(x[None], RATE, **knobs).square().sum()

    def energies(x, values):
        return effect(x, RATE, **values).square().sum((1, 2))

    leaf = x.clone().requires_grad_()
    (want,) = torch.autograd.grad(energies(leaf, values).sum(), leaf)
    per_song = torch.func.vmap(torch.func.grad(energy))(x, values)
    torch.testing.assert_close(per_song, want, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(torch.func.vmap(energy)(x, values), energies(x, values))
    jacobian = torch.func.jacrev(energies)(x, values)
    torch.testing.assert_close(jacobian.sum(0), want, rtol=1e-9, atol=1e-12)


def test_second_derivatives_of_the_console_are_exact():
    knobs = positions().requires_grad_()
    assert gradgradcheck(energy_of_mix, (knobs,), fast_mode=True, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "hessian",
    [
        lambda knobs: torch.autograd.functional.hessian(energy_of_mix, knobs),
        torch.func.jacrev(torch.func.jacrev(energy_of_mix)),
    ],
    ids=["autograd", "func"],
)
def test_hessian_of_the_console_equals_differences_of_its_gradient(hessian):
    knobs, step = positions(), 1e-5
    got = hessian(knobs).reshape(P, P)
    steps = step * torch.eye(P, dtype=torch.float64)[:, None]
    rows = [
        (torch.func.grad(energy_of_mix)(knobs + s) - torch.func.grad(energy_of_mix)(knobs - s))[0]
        for s in steps
    ]
    want = torch.stack(rows) / (2 * step)
    torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(got, got.T)


def test_vmap_over_songs_equals_the_batch():
    def mix_one(audio, knobs):
        return CONSOLE(audio[None], RATE, knobs[None])[0]

    audio, knobs = loud(3), positions(3)
    mixes = torch.func.vmap(mix_one)(audio, knobs)
    torch.testing.assert_close(mixes, CONSOLE(audio, RATE, knobs), rtol=1e-9, atol=1e-12)
    one_song = torch.func.vmap(mix_one, in_dims=(None, 0))(audio[0], knobs)
    repeated = CONSOLE(audio[:1].expand(3, -1, -1), RATE, knobs)
    torch.testing.assert_close(one_song, repeated, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_a_forward_mode_derivative_is_refused_with_the_way_out():
    knobs = positions()
    with pytest.raises(NotImplementedError, match=r"^[^\n]*jacrev\(jacrev\(f\)\)[^\n]*$"):
        torch.func.jvp(energy_of_mix, (knobs,), (knobs,))


def test_a_batched_backward_equals_jacrev():
    def samples(knobs):
        return CONSOLE(loud(), RATE, knobs)[0, 0, ::500]

    knobs = positions()
    got = torch.autograd.functional.jacobian(samples, knobs, vectorize=True)
    torch.testing.assert_close(got, torch.func.jacrev(samples)(knobs), rtol=1e-9, atol=1e-12)
