"""Application of a chain of effects, where several ones are one operator.

Filters in series and a gain before them, and a compressor with the gains behind it, pass over the
audio once. Equal to effect after effect.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.dsp.biquad_cascade import biquad_cascade
from ai_mixer.effects.dynamics import Dynamics
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.pan import Pan


class _Step(NamedTuple):
    """An effect with the physical values of its knobs, and its form as filter or gain."""

    effect: Effect
    values: dict[str, Tensor]
    section: Tensor | None  # [B, 5]
    gains: Tensor | None  # [B, C]

    @property
    def has_equal_gains(self) -> bool:
        """Whether it is one gain for all channels."""
        return self.gains is not None and not isinstance(self.effect, Pan)


def apply_effects(
    audio: Tensor, sample_rate: int, effects: Iterable[tuple[Effect, dict[str, Tensor]]]
) -> Tensor:
    """Apply effects one after another to [B, C, T]."""
    if not _is_fused(audio):
        for effect, values in effects:
            audio = effect(audio, sample_rate, **values).to(audio.dtype)
        return audio
    group: list[_Step] = []
    for effect, values in effects:
        section = effect.section(sample_rate, **values)
        gains = effect.channel_gains(sample_rate, audio.shape[1], **values)
        step = _Step(effect, values, section, gains)
        if not _joins(group, step):
            audio, group = _apply_group(audio, sample_rate, group), []
        group.append(step)
    return _apply_group(audio, sample_rate, group)


def _is_fused(audio: Tensor) -> bool:
    """GPUs, and programs that torch exports, have one kernel per effect."""
    return audio.device.type == "cpu" and not torch.compiler.is_compiling()


def _joins(group: list[_Step], step: _Step) -> bool:
    """Whether an effect is applied together with those before it."""
    if not group:
        return True
    if step.section is not None:  # behind gains that are equal for all channels, and filters
        return all(s.section is not None or s.has_equal_gains for s in group)
    first, others = group[0], group[1:]
    starts = first.gains is not None or isinstance(first.effect, Dynamics)
    return step.gains is not None and starts and all(s.gains is not None for s in others)


def _apply_group(audio: Tensor, sample_rate: int, group: list[_Step]) -> Tensor:
    if len(group) < 2:
        for step in group:
            audio = step.effect(audio, sample_rate, **step.values).to(audio.dtype)
        return audio
    gain = audio.new_ones(audio.shape[:2]).double()
    for step in group:
        gain = gain if step.gains is None else gain * step.gains
    sections = [step.section for step in group if step.section is not None]
    if sections:
        scale = torch.cat(
            [gain[:, :1].expand(-1, 3), torch.ones_like(gain[:, :1]).expand(-1, 2)], 1
        )
        return biquad_cascade(audio, torch.stack([sections[0] * scale, *sections[1:]], dim=1))
    first, values, *_ = group[0]
    if isinstance(first, Dynamics):
        return first.forward_with_gain(audio, sample_rate, gain, **values)
    return audio * gain.to(audio.dtype)[:, :, None]
