"""The gradient of `mix_wet` of parts equals that of the formula."""

import pytest
import torch

from ai_mixer.dsp.wet_mix import mix_wet_backward


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 1, 900), (3, 2, 5000)])
def test_gradient_equals_the_formula(shape, dtype):
    generator = torch.Generator().manual_seed(0)
    grad, x, q = (torch.randn(shape, generator=generator).to(dtype) for _ in range(3))
    wet = torch.linspace(0.0, 1.0, shape[0] + 1)[1:].to(dtype)
    blocks = torch.empty(shape[0], shape[1], 2, shape[2]).to(dtype)  # parts are slices of it
    blocks[:, :, 1] = q
    parts = [(slice(n, n + 300), blocks[:, :, 1, n : n + 300]) for n in range(0, shape[2], 300)]
    grad_x, grad_wet = mix_wet_backward(grad, x, wet, parts)
    share = wet[:, None, None].double()
    expected = (1 - share) * grad.double() + share * q.double()
    tolerance = 3e-2 if dtype == torch.bfloat16 else 1e-6
    torch.testing.assert_close(grad_x.double(), expected, rtol=tolerance, atol=tolerance)
    expected = (x.double() * (q.double() - grad.double())).sum((1, 2))
    tolerance = 3e-2 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(grad_wet.double(), expected, rtol=tolerance, atol=100 * tolerance)
