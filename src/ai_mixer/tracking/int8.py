"""Weights in a quarter of their size: eight bits each, and a scale for every row.

Symmetric, round to nearest: the largest of a row reads ±127, so a weight is off by at most half a
127th of it. Vectors and small matrices are kept in half precision: they are few, and matter.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

MIN_QUANTIZED_NUMEL = 4096  # numbers from which on a matrix is written in eight bits
INT8_MAX = 127
SCALE_SUFFIX = ".row_scale"  # beside the tensor it belongs to


def quantize(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large matrices in eight bits, other fractions in half precision, whole numbers as is."""
    packed: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if not weight.is_floating_point():
            packed[name] = weight
        elif weight.dim() < 2 or weight.numel() < MIN_QUANTIZED_NUMEL:
            packed[name] = weight.half()
        else:
            rows = weight.float().flatten(1)
            scale = (rows.abs().amax(1) / INT8_MAX).clamp_min(1e-12)
            packed[name] = (rows / scale[:, None]).round().to(torch.int8).view(weight.shape)
            packed[name + SCALE_SUFFIX] = scale
    return packed


def dequantize(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in single precision; what was never packed as it is."""
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
