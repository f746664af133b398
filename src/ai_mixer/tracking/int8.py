"""Quantise weights to eight bits with a scale per row: a quarter of the size.

Symmetric, round to nearest: the largest value of a row becomes ±127, so the error is at most
1/254 of it. Vectors and small matrices are stored in half precision: they are few and sensitive.
So are matrices with rows of a few large and many small values, such as those of a regression on
features of different scales.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

MIN_QUANTIZED_NUMEL = 4096  # elements; smaller matrices are not quantised
INT8_MAX = 127
MAX_PEAK = (
    22.0  # largest value of a row over its RMS; above it, the RMS of the error is 5 % of that
)
SCALE_SUFFIX = ".row_scale"  # appended to the name of the tensor


def quantize(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Quantise large matrices to int8, other floats to half precision; integers are unchanged."""
    packed: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if not weight.is_floating_point():
            packed[name] = weight
        elif weight.dim() < 2 or weight.numel() < MIN_QUANTIZED_NUMEL or _is_peaky(weight):
            packed[name] = weight.half()
        else:
            rows = weight.float().flatten(1)
            scale = (rows.abs().amax(1) / INT8_MAX).clamp_min(1e-12)
            packed[name] = (rows / scale[:, None]).round().to(torch.int8).view(weight.shape)
            packed[name + SCALE_SUFFIX] = scale
    return packed


def _is_peaky(weight: Tensor) -> bool:
    rows = weight.float().flatten(1)
    return bool((rows.abs().amax(1) > MAX_PEAK * rows.square().mean(1).sqrt()).any())


def dequantize(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights in single precision; tensors that were not quantised are unchanged."""
    weights: dict[str, Tensor] = {}
    for name, tensor in packed.items():
        if name.endswith(SCALE_SUFFIX):
            continue
        scale = packed.get(name + SCALE_SUFFIX)
        if scale is not None:
            rows = tensor.float().flatten(1) * scale[:, None]
            weights[name] = rows.view(tensor.shape)
        else:
            weights[name] = tensor.float() if tensor.dtype == torch.float16 else tensor
    return weights
