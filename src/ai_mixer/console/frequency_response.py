"""Frequency response of a console's linear effects, without rendering audio.

The gain of a filter at the frequency f is |b₀ + b₁ z⁻¹ + b₂ z⁻²| / |1 + a₁ z⁻¹ + a₂ z⁻²| with
z = e^(2πif / sample rate). A side filter applies to the side only; a gain to mid and side; a width
to the side. What depends on the level (compressors, saturation) or on time (delay, reverb) is left
out, except for a compressor's make-up.
"""

import math

import torch
from torch import Tensor

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.core.units import ratio_to_db
from ai_mixer.dsp.streaming_chain import KernelKind
from ai_mixer.effects.effect import Effect

MIN_GAIN_DB = -400.0  # a filter near its poles at 10 Hz has powers of 1e-12
LINEAR_KINDS = frozenset({KernelKind.MIX, KernelKind.FILTER, KernelKind.SIDE_FILTER})
MAKEUP_COLUMN = 5  # of the coefficients of `Formula.DYNAMICS`


def response_db(
    console: EffectChain, knobs: Tensor, frequencies_hz: Tensor, sample_rate: int
) -> Tensor:
    """Gain of mid and side in dB at the frequencies [F]: [B, 2, F] float64, differentiable.

    knobs: [B, P] positions 0–1.
    """
    knobs = console.check_knobs(knobs)
    angle = 2.0 * math.pi * frequencies_hz.double() / sample_rate
    total = angle.new_zeros(len(knobs), 2, len(angle))
    for effect, columns in console.effects_with_columns():
        values = {
            argument: console.knobs[column].to_physical(knobs[:, column].double())
            for argument, column in columns.items()
        }
        total = total + _effect_db(effect, sample_rate, values, angle)
    return total


def linear_knobs(console: EffectChain) -> Tensor:
    """Knobs whose whole effect `response_db` describes: [P] bool."""
    linear = torch.zeros(len(console.knobs), dtype=torch.bool)
    for effect, columns in console.effects_with_columns():
        linear[list(columns.values())] = _kind(effect) in LINEAR_KINDS
    return linear


def _kind(effect: Effect) -> KernelKind | None:
    return effect.streaming_kernel().kind if effect.streamable else None


def _effect_db(
    effect: Effect, sample_rate: int, values: dict[str, Tensor], angle: Tensor
) -> Tensor:
    """Gain of mid and side, [B or 1, 2, F] dB."""
    kind = _kind(effect)
    if kind == KernelKind.MIX:
        own, other = effect.coefficients(sample_rate, **values).unbind(1)
        return _to_db(torch.stack([own + other, own - other], 1))[..., None]
    if kind == KernelKind.FILTER:
        return _filter_db(effect.coefficients(sample_rate, **values), angle)[:, None]
    if kind == KernelKind.SIDE_FILTER:
        side = _filter_db(effect.coefficients(sample_rate, **values), angle)
        return torch.stack([torch.zeros_like(side), side], 1)
    if kind == KernelKind.DYNAMICS:
        makeup = effect.coefficients(sample_rate, **values)[:, MAKEUP_COLUMN]
        return _to_db(makeup)[:, None, None]
    return angle.new_zeros(1, 2, 1)


def _filter_db(coefficients: Tensor, angle: Tensor) -> Tensor:
    """Gain of b₀ b₁ b₂ a₁ a₂, [B, 5], at angles in radians [F]: [B, F] dB."""
    b0, b1, b2, a1, a2 = coefficients.double().unbind(1)
    one = torch.ones_like(b0)
    return 0.5 * (_log_power_db(b0, b1, b2, angle) - _log_power_db(one, a1, a2, angle))


def _log_power_db(c0: Tensor, c1: Tensor, c2: Tensor, angle: Tensor) -> Tensor:
    """20 lg |c₀ + c₁ z⁻¹ + c₂ z⁻²|², [B, F]."""
    real = c0[:, None] + c1[:, None] * angle.cos() + c2[:, None] * (2.0 * angle).cos()
    imaginary = c1[:, None] * angle.sin() + c2[:, None] * (2.0 * angle).sin()
    return _to_db(real.square() + imaginary.square())


def _to_db(ratio: Tensor) -> Tensor:
    return ratio_to_db(ratio, MIN_GAIN_DB)
