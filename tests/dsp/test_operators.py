"""Operators of `torch.library`: schema, fake kernels, autocast, decisions by value."""

import pytest
import torch

from ai_mixer.dsp.operators import can_branch, holds
from ai_mixer.dsp.recursions import biquad
from dsp.test_gpu import NAMES, make_cases
from helpers.signals import noise


@pytest.mark.parametrize("name", [name for name in NAMES if "chunks" not in name])
def test_the_fake_kernel_gives_the_shapes_and_types_of_the_kernel(name):
    """And the schema holds: no argument is changed, no output is an alias."""
    function, arguments = make_cases()[name]
    operator = getattr(torch.ops.ai_mixer, function).default
    torch.library.opcheck(operator, arguments, test_utils=("test_schema", "test_faketensor"))


def test_autocast_computes_in_float32():
    x = noise(2, 2, 50)
    b = torch.tensor([[0.5, 0.2, 0.1]] * 2, dtype=torch.float64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = biquad(x.bfloat16(), b, b)
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, biquad(x.bfloat16().float(), b, b), rtol=0, atol=0)


def test_programs_branch_on_values_only_where_they_are_known():
    seen = []

    def note(x):
        seen.append((can_branch(x), holds((x > 0).all())))
        return x.sum()

    x = torch.ones(3, 2)
    note(x)
    torch.func.grad(note)(x)
    assert seen == [(True, True)] * 2
    seen.clear()
    torch.func.vmap(note)(x)
    torch.func.vmap(torch.func.grad(note))(x)
    torch.func.grad(lambda x: torch.func.vmap(note)(x).sum())(x)
    note(x.to("meta"))
    assert seen == [(False, False)] * 4
    assert not holds(torch.tensor(False))
