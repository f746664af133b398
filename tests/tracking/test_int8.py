"""Quantisation to eight bits: error, unchanged tensors and size."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.tracking.int8 import INT8_MAX, dequantize, quantize


@given(st.integers(0, 99), st.floats(1e-6, 1e4))
def test_error_is_at_most_half_a_step_of_the_row(seed, size):
    generator = torch.Generator().manual_seed(seed)
    rows = size * torch.rand(8, 1, generator=generator)
    weights = {"big": rows * torch.randn(8, 64, 9, generator=generator)[:, :, :9].flatten(1)}
    error = (dequantize(quantize(weights))["big"] - weights["big"]).abs()
    step = weights["big"].abs().amax(1, keepdim=True) / INT8_MAX
    assert (error <= 0.5001 * step + 1e-12).all()


def test_integers_and_small_tensors_are_not_quantised():
    weights = {
        "count": torch.tensor([3, 4]),
        "bias": torch.linspace(-1, 1, 10_000),
        "small": torch.randn(8, 8, generator=torch.Generator().manual_seed(0)),
        "dead": torch.zeros(64, 128),
    }
    restored = dequantize(quantize(weights))
    assert list(restored) == list(weights)
    assert restored["count"].equal(weights["count"])
    assert restored["dead"].equal(weights["dead"])
    for name in ("bias", "small"):
        torch.testing.assert_close(restored[name], weights[name], rtol=1e-3, atol=1e-6)


def test_a_matrix_with_a_few_large_values_is_stored_in_half_precision():
    weights = {"w": torch.full((4, 2048), 1e-3)}
    weights["w"][:, 0] = 1.0
    torch.testing.assert_close(dequantize(quantize(weights))["w"], weights["w"], rtol=1e-3, atol=0)


def test_size_is_a_quarter_and_quantisation_is_idempotent():
    weights = {"w": torch.randn(64, 4, 3, 30, generator=torch.Generator().manual_seed(0))}
    packed = quantize(weights)
    size = sum(t.numel() * t.element_size() for t in packed.values())
    assert size < 0.27 * 4 * weights["w"].numel()
    once = dequantize(packed)
    torch.testing.assert_close(dequantize(quantize(once))["w"], once["w"], rtol=1e-6, atol=0)


def test_dequantize_leaves_other_weights_unchanged():
    weights = {"w": torch.randn(3, 3), "n": torch.tensor(2)}
    assert all(tensor is weights[name] for name, tensor in dequantize(weights).items())
