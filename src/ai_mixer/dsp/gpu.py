"""Kernels of the operators on a GPU.

Recursions run as compiled kernels (`dsp.gpu_kernels`), what is independent from sample to sample as
operations of torch. Biquads are divided into chunks (`dsp.gpu_filters`), all others have one thread
per row.

Without `numba-cuda` the recursions are computed on the CPU, which is slow.
"""

import importlib.util
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numba
import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils._pytree import tree_map_only

from ai_mixer.dsp.compressor import settings_rows
from ai_mixer.dsp.gain_reduction_bank import SETTINGS
from ai_mixer.dsp.gpu_delays import (
    decimate,
    feedback_delay,
    feedback_delay_backward,
    feedback_network,
    feedback_network_backward,
    interpolate,
)
from ai_mixer.dsp.gpu_filters import biquad, biquad_backward, filter_in_chunks, launch
from ai_mixer.dsp.k_weighting import differentiable_energies, filter_twice
from ai_mixer.dsp.lookahead import COUNTS, Ballistics, state_size
from ai_mixer.dsp.one_pole import pole_rows
from ai_mixer.dsp.peak_levels import NEPERS_PER_DB, SILENCE_AMPLITUDE
from ai_mixer.dsp.required_gain import differentiable_gain_db
from ai_mixer.dsp.true_peak import Interpolator, envelope_by_convolution
from ai_mixer.utils.log import logger

__all__ = [  # kernels too, see `run`
    "biquad",
    "biquad_backward",
    "decimate",
    "feedback_delay",
    "feedback_delay_backward",
    "feedback_network",
    "feedback_network_backward",
    "filter_in_chunks",
    "interpolate",
]

WITHOUT_COMPILED_KERNELS = {"required_gain", "true_peak_envelope", "interpolate", "decimate"}


def run(name: str, cpu_kernel: Callable[..., Any], *arguments: Any) -> Any:
    """Run the kernel of an operator on the GPU of its tensors; without one, on the CPU."""
    kernel = globals().get(name)  # None: not written yet
    if kernel and (name in WITHOUT_COMPILED_KERNELS or has_compiled_kernels()):
        return kernel(*arguments)
    device = next(x.device for x in arguments if isinstance(x, Tensor))
    outputs = cpu_kernel(*(x.cpu() if isinstance(x, Tensor) else x for x in arguments))
    return tree_map_only(Tensor, lambda y: y.to(device), outputs)


@lru_cache
def has_compiled_kernels() -> bool:
    """Whether `numba-cuda` or numba's simulator is there; says once, in one line, if not."""
    simulator = numba.config.ENABLE_CUDASIM  # type: ignore[attr-defined]
    if simulator or importlib.util.find_spec("numba_cuda") is not None:
        return True
    logger.warning(
        "numba-cuda is not installed: recursions of audio on the GPU run on the CPU, which is slow "
        '(pip install "ai-mixer[gpu]")'
    )
    return False


def one_pole(x: Tensor, pole: Tensor) -> Tensor:
    """One thread per row."""
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    launch("one_pole", len(x), x.contiguous(), pole.contiguous(), y)
    return y


def attack_release(target: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    """One thread per row."""
    smooth = torch.empty_like(target, memory_format=torch.contiguous_format)
    launch("attack_release", len(target), target.contiguous(), pole_rows(attack, release), smooth)
    return smooth


def attack_release_backward(
    grad: Tensor, target: Tensor, attack: Tensor, release: Tensor, smooth: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One thread per row."""
    inputs = [array.contiguous() for array in (grad, target, smooth)]
    poles = pole_rows(attack, release)
    grad_target, grad_poles = torch.empty_like(inputs[1]), torch.empty_like(poles)
    launch("attack_release_backward", len(target), *inputs, poles, grad_target, grad_poles)
    grad_attack, grad_release = grad_poles.unbind(1)
    return grad_target, grad_attack.to(attack, copy=True), grad_release.to(release, copy=True)


def compressor_gain(x: Tensor, slope: Tensor, settings: Sequence[float]) -> Tensor:
    """Gain in dB, [B, T] float64."""
    return _gain("compressor_gain", _peak(x), settings_rows(slope, settings))[1]


def compress(
    x: Tensor, slope: Tensor, settings: Sequence[float]
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Only the smoothing is a recursion."""
    peak = _peak(x)
    level_db, gain_db = _gain("compressor_gain", peak, settings_rows(slope, settings))
    ratio = (gain_db * NEPERS_PER_DB).exp_().to(x.dtype)
    return x * ratio[:, None], ratio, peak, level_db, gain_db


def compress_backward(
    grad: Tensor,
    x: Tensor,
    slope: Tensor,
    ratio: Tensor,
    peak: Tensor,
    level_db: Tensor,
    gain_db: Tensor,
    settings: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """The first channel at the peak gets the gradient of the peak."""
    grad_gain = (grad.double() * x * ratio[:, None]).sum(1) * NEPERS_PER_DB
    grad_slope = torch.empty_like(gain_db[:, 0])
    past = [array.contiguous() for array in (peak, level_db, gain_db)]
    rows = settings_rows(slope, settings)
    launch("compressor_gain_backward", len(x), grad_gain, *past, rows, grad_slope)
    grad_x = grad * ratio[:, None] + _to_channels(grad_gain, x, peak)
    return grad_x.to(x.dtype), grad_slope.to(slope.dtype)


def inverse_compressor(y: Tensor, slope: Tensor, settings: Sequence[float]) -> Tensor:
    """Only the gain is a recursion."""
    _, gain_db = _gain("inverse_gain", _peak(y), settings_rows(slope, settings))
    return y * (gain_db * -NEPERS_PER_DB).exp_().to(y.dtype)[:, None]


def dynamics_gain(x: Tensor, settings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The compressor's kernel, with settings per song."""
    peak = _peak(x)
    level_db, gain_db = _gain("compressor_gain", peak, settings.double().contiguous())
    return gain_db, peak, level_db


def dynamics_gain_backward(
    grad: Tensor, x: Tensor, settings: Tensor, gain_db: Tensor, peak: Tensor, level_db: Tensor
) -> tuple[Tensor, Tensor]:
    """One thread per song, then the channels."""
    rows, grad_peak = settings.double().contiguous(), grad.clone().contiguous()
    grad_settings = torch.zeros_like(rows)
    past = [array.contiguous() for array in (peak, level_db, gain_db)]
    launch("dynamics_backward", len(x), grad_peak, *past, rows, grad_settings)
    return _to_channels(grad_peak, x, peak).to(x.dtype), grad_settings.to(settings.dtype)


def apply_dynamics(x: Tensor, settings: Tensor, gains: Tensor) -> tuple[Tensor, Tensor]:
    """Only the smoothing is a recursion."""
    gain_db, *_ = dynamics_gain(x, settings)
    ratio = (gain_db * NEPERS_PER_DB).exp()[:, None] * gains.double()[:, :, None]
    return x * ratio.to(x.dtype), torch.nn.functional.pad(gain_db, (1, 0))


def apply_dynamics_backward(
    grad: Tensor, x: Tensor, settings: Tensor, gains: Tensor, gain_db: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The kernel of `dynamics_gain_backward`, between the two products."""
    gain_db = gain_db[:, 1:]
    ratio, peak = (gain_db * NEPERS_PER_DB).exp()[:, None], _peak(x)
    product, gain = grad.double() * x * ratio, gains.double()[:, :, None]
    by_gain_db = (product * gain).sum(1) * NEPERS_PER_DB
    level_db = peak.log() / NEPERS_PER_DB
    past = by_gain_db, x, settings, gain_db, peak, level_db
    by_peak, by_settings = dynamics_gain_backward(*past)
    grad_x = grad * (ratio * gain) + by_peak
    return grad_x.to(x.dtype), by_settings, product.sum(-1).to(gains.dtype)


def inverse_dynamics_gain(y: Tensor, settings: Tensor) -> Tensor:
    """The kernel of the compressor's inverse, with settings per song."""
    return _gain("inverse_gain", _peak(y), settings.double().contiguous())[1]


def mean_gain_reductions(x: Tensor, settings: Sequence[float], hop: int, frames: int) -> Tensor:
    """One thread per song and compressor."""
    level_db, rows = _peak(x).log() / NEPERS_PER_DB, _on_device(tuple(settings), x.device)
    out = level_db.new_zeros(len(x), len(rows), frames)
    launch("mean_gain_reductions", len(x) * len(rows), level_db, rows, hop, out)
    return out.to(x.dtype)


def lookahead_gain(
    needed_db: Tensor, ramp: int, guard: int, release: float, memory: float
) -> tuple[Tensor, Tensor, Tensor]:
    """One thread per row."""
    ballistics, (batch, length) = Ballistics(ramp, guard, release, memory), needed_db.shape
    needed = needed_db.contiguous()
    numbers = needed.new_zeros(batch, state_size(ballistics))
    counts = needed.new_zeros(batch, COUNTS + ballistics.window, dtype=torch.int64)
    out, origins = torch.empty_like(needed), torch.empty_like(needed, dtype=torch.int64)
    choices = needed.new_empty(batch, 2, length, dtype=torch.int8)
    arrays = (needed, numbers, counts, out, origins, choices)
    launch("lookahead_gain", batch, *arrays, tuple(ballistics))
    return out, origins, choices


def lookahead_gain_backward(
    grad: Tensor, origins: Tensor, choices: Tensor, *constants: float
) -> Tensor:
    """One thread per row."""
    grad_needed = torch.zeros_like(grad, memory_format=torch.contiguous_format)
    averaged = grad.new_zeros(len(grad), grad.shape[1] + int(constants[0]) // 2 + 1)
    arrays = (grad.contiguous(), origins, choices, grad_needed, averaged)
    launch("lookahead_gain_backward", len(grad), *arrays, constants)
    return grad_needed


def hop_energies(x: Tensor, weights: Sequence[float], hop: int) -> Tensor:
    """Two filters in float64."""
    return differentiable_energies(x, weights, hop)


def hop_energies_backward(grad: Tensor, x: Tensor, weights: Sequence[float], hop: int) -> Tensor:
    """∂y[n] = 2 y[n] ∂e, then both filters backwards in time."""
    y = filter_twice(x.double(), weights)
    grad_y = 2.0 * y * pad(grad.repeat_interleave(hop, -1), (0, y.shape[-1] - grad.shape[-1] * hop))
    return filter_twice(grad_y.flip(-1), weights).flip(-1).to(x.dtype)


def required_gain(
    x: Tensor, threshold: float, target: float, oversample: int, _: Sequence[float], margin: int
) -> Tensor:
    """All phases, by convolution."""
    return differentiable_gain_db(x, threshold, target, oversample, margin)


def true_peak_envelope(x: Tensor, oversample: int, half: int, beta: float, _: float) -> Tensor:
    """All phases, by convolution."""
    return envelope_by_convolution(x, oversample, Interpolator(half, beta))


def _peak(x: Tensor) -> Tensor:
    """Amplitude of the loudest channel: [B, T] float64."""
    return x.abs().amax(1).double().clamp_min(SILENCE_AMPLITUDE)


def _to_channels(grad_peak: Tensor, x: Tensor, peak: Tensor) -> Tensor:
    """Gradient of the peak, [B, T], passed to the first channel that has it: [B, C, T]."""
    is_peak = x.double().abs() == peak[:, None]
    is_first = is_peak & (is_peak.cumsum(1) == 1)
    return torch.where(is_first, grad_peak[:, None] * x.sign(), 0.0)


def _gain(kernel: str, peak: Tensor, settings: Tensor) -> tuple[Tensor, Tensor]:
    """Level and gain in dB. settings: [B, 6]."""
    level_db = peak.log() / NEPERS_PER_DB
    gain_db = torch.empty_like(level_db)
    launch(kernel, len(peak), level_db, settings, gain_db)
    return level_db, gain_db


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _on_device(settings: tuple[float, ...], device: torch.device) -> Tensor:
    """Settings of compressors, [curves, 6]: copied to the device once."""
    return torch.tensor(settings, dtype=torch.float64, device=device).view(-1, SETTINGS)
