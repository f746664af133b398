"""Sample rate conversion by a windowed sinc, as matrix products over groups of phases.

Output sample n is at input position n · down/up. With n = m · up + p, the weights depend on the
phase p only, and for a fixed p the input moves by `down` from one m to the next: phase p is a
strided correlation. Neighbouring phases use nearly the same input, so PHASES_PER_PRODUCT of them
share one product, so that ratios with many phases (44056 → 44100 has 11025) are as fast as
48000 → 44100.

Smith, "Digital Audio Resampling" (CCRMA, 2002); window: Kaiser & Schafer, IEEE TASSP 28(1), 1980.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

ZERO_CROSSINGS = 64  # of the sinc on each side, at the lower of the two rates
ROLL_OFF = 0.95  # cut-off relative to the lower Nyquist frequency: flat to 0.90, −100 dB at 1
KAISER_BETA = 10.06  # −100 dB in the stop band
PHASES_PER_PRODUCT = 32


def resample(x: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Convert audio to another sample rate; equal rates return x itself.

    x: [..., T] floating point. Returns [..., ceil(T · to_rate / from_rate)], aligned with x (no
    delay), differentiable. x is silent outside its length. ValueError if a rate is not positive.
    """
    if from_rate == to_rate:
        return x
    up, down = _up_down(from_rate, to_rate)
    length = math.ceil(x.shape[-1] * up / down)
    factor = max(1, PHASES_PER_PRODUCT // up)  # e.g. 2 → 1 as 64 → 32: a larger matrix product
    up, down = factor * up, factor * down
    blocks = max(1, math.ceil(length / up))
    left = half_width_samples(from_rate, to_rate)
    phases = []
    for first, weights in _kernels(up, down, x.dtype):
        start = first * down // up  # input index of the first output of the group, before padding
        support = weights.shape[0]
        needed = (blocks - 1) * down + start + support
        padded = pad(x, (left, max(0, needed - left - x.shape[-1])))
        windows = padded[..., start:needed].unfold(-1, support, down)  # [..., blocks, support]
        phases.append(windows @ weights.to(x.device))
    return torch.cat(phases, dim=-1).flatten(-2)[..., :length]


def half_width_samples(from_rate: int, to_rate: int) -> int:
    """Number of input samples on each side that an output sample depends on."""
    up, down = _up_down(from_rate, to_rate)
    return math.ceil(ZERO_CROSSINGS / ROLL_OFF * max(1.0, down / up))


def common_period(from_rate: int, to_rate: int) -> tuple[int, int]:
    """Smallest common period in (input, output) samples: (147, 160) for 44.1 → 48 kHz."""
    up, down = _up_down(from_rate, to_rate)
    return down, up


def _up_down(from_rate: int, to_rate: int) -> tuple[int, int]:
    if from_rate <= 0 or to_rate <= 0:
        raise ValueError(f"sample rates must be positive, got {from_rate} and {to_rate} Hz")
    common = math.gcd(from_rate, to_rate)
    return to_rate // common, from_rate // common


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # the cached result may be used in training later
def _kernels(up: int, down: int, dtype: torch.dtype) -> list[tuple[int, Tensor]]:
    """Per group of phases: the first phase and the weights [support, phases of the group]."""
    half = math.ceil(ZERO_CROSSINGS / ROLL_OFF * max(1.0, down / up))
    cutoff = ROLL_OFF * min(1.0, up / down)  # 1 = the input's Nyquist
    groups = []
    for first in range(0, up, PHASES_PER_PRODUCT):
        phase = torch.arange(first, min(first + PHASES_PER_PRODUCT, up), dtype=torch.float64)
        start = first * down // up
        support = int(phase[-1]) * down // up - start + 2 * half + 2
        offset = torch.arange(support, dtype=torch.float64)[:, None] - half
        distance = offset + start - phase * (down / up)  # [support, phases], input samples
        shape = (1.0 - (distance / half) ** 2).clamp_min(0.0).sqrt()
        window = torch.special.i0(KAISER_BETA * shape) / torch.special.i0(
            torch.tensor(KAISER_BETA).double()
        )
        weights = cutoff * torch.sinc(cutoff * distance) * window * (distance.abs() <= half)
        groups.append((first, weights.to(dtype)))
    return groups
