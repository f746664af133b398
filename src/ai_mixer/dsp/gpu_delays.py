"""Delays, feedback delay network and oversampling on a GPU, see `dsp.gpu`."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import conv1d

from ai_mixer.dsp.feedback_delay import setting_rows
from ai_mixer.dsp.feedback_network import LINES, ring_length
from ai_mixer.dsp.gpu_filters import launch
from ai_mixer.dsp.oversampling import CUT_OFF, KAISER_BETA
from ai_mixer.dsp.streaming_saturation import HALF, OVERSAMPLE, TAPS


def feedback_delay(x: Tensor, settings: Tensor) -> Tensor:
    """One thread per row."""
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    y = torch.empty_like(rows)
    launch("feedback_delay", len(rows), rows, setting_rows(settings, x.shape[1]), y)
    return y.view(x.shape)


def feedback_delay_backward(
    grad: Tensor, x: Tensor, settings: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """One thread per row."""
    known = [signal.reshape(-1, x.shape[-1]).contiguous() for signal in (grad, x, y)]
    rows = setting_rows(settings, x.shape[1])
    grad_x, grad_r = torch.empty_like(known[1]), torch.empty_like(known[1], dtype=torch.float64)
    grad_rows = torch.zeros_like(rows)
    arrays = (*known, rows, grad_r, grad_x, grad_rows)
    launch("feedback_delay_backward", len(rows), *arrays)
    return grad_x.view(x.shape), grad_rows.view(*x.shape[:2], 3).sum(1).to(settings.dtype)


def feedback_network(x: Tensor, filters: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """One thread per song."""
    batch, _, length = x.shape
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    inputs = x.new_zeros(batch, max(lengths) + length, LINES)
    work = filters.new_zeros(batch, 2 * LINES, dtype=torch.float64)
    rows = filters.double().contiguous()
    launch("feedback_network", batch, x.contiguous(), rows, tuple(lengths), work, inputs, y)
    return y, inputs


def feedback_network_backward(
    grad: Tensor, x: Tensor, filters: Tensor, inputs: Tensor, lengths: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """One thread per song."""
    grad_x = torch.empty_like(x, memory_format=torch.contiguous_format)
    rows = filters.double().contiguous()
    grad_filters, work = torch.zeros_like(rows), rows.new_zeros(len(x), 3 * LINES)
    ring = rows.new_zeros(len(x), ring_length(lengths), LINES)
    known = [array.contiguous() for array in (grad, x, inputs)]
    arrays = (*known, rows, tuple(lengths), work, ring, grad_x, grad_filters)
    launch("feedback_network_backward", len(x), *arrays)
    return grad_x, grad_filters.to(filters.dtype)


def interpolate(x: Tensor) -> Tensor:
    """By convolution, in float64: cuDNN may round float32 to 10 bits."""
    phases = conv1d(x.reshape(-1, 1, x.shape[-1]).double(), _taps(x.device)[:, None])
    return phases.to(x.dtype).view(*x.shape[:-1], OVERSAMPLE, -1)


def decimate(phases: Tensor) -> Tensor:
    """By convolution, in float64."""
    rows = phases.reshape(-1, OVERSAMPLE, phases.shape[-1]).double()
    x = conv1d(rows, _taps(phases.device).flip(-1)[None] / OVERSAMPLE)
    return x.to(phases.dtype).view(*phases.shape[:-2], -1)


@lru_cache
@torch.inference_mode(False)
def _taps(device: torch.device) -> Tensor:
    """`oversampling.interpolator`, [4, taps] float64, computed on the device."""
    n = torch.arange(OVERSAMPLE * TAPS, dtype=torch.float64, device=device) - OVERSAMPLE * HALF
    inside = (1.0 - (n / (OVERSAMPLE * HALF)).square()).clamp_min(0.0)
    window = torch.special.i0(KAISER_BETA * inside.sqrt()) * (n <= OVERSAMPLE * HALF)
    taps = torch.sinc(2.0 * CUT_OFF / OVERSAMPLE * n) * window
    return (OVERSAMPLE * taps / taps.sum()).view(TAPS, OVERSAMPLE).T.flip(-1).contiguous()
