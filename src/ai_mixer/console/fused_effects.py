"""Application of a chain of effects, where several ones are one operator.

Filters in series and a gain before them, a compressor and the gains around it, and several
matrices of channels, pass over the audio once. Equal to effect after effect.
"""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.core.units import ratio_to_db
from ai_mixer.dsp.biquad_cascade import biquad_cascade
from ai_mixer.dsp.channel_matrix import mix_channels
from ai_mixer.dsp.dynamics_output import apply_dynamics
from ai_mixer.dsp.operators import holds
from ai_mixer.effects.compressor import Compressor
from ai_mixer.effects.dynamics import Dynamics
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.pan import Pan

THRESHOLD = 3  # in the settings of `apply_dynamics`
MAX_GAIN = 1e2  # before a compressor; with larger ones, the range of its detector matters


class _Step(NamedTuple):
    """An effect with the physical values of its knobs, and its form as filter or matrix."""

    effect: Effect
    values: dict[str, Tensor]
    section: Tensor | None  # [B, 5]
    matrix: Tensor | None  # [B, C, C]

    @property
    def is_compressor(self) -> bool:
        if isinstance(self.effect, Compressor):
            ratio = self.values["ratio"]
            return ratio.requires_grad or not self.effect.is_idle(ratio)
        return isinstance(self.effect, Dynamics)

    @property
    def is_moderate_gain(self) -> bool:
        """Whether it may be moved behind a compressor."""
        if self.matrix is None or not self.effect.is_gain:
            return False
        gains = self.matrix[:, 0, 0]
        return holds(((gains >= 1.0 / MAX_GAIN) & (gains <= MAX_GAIN)).all())

    @property
    def is_diagonal(self) -> bool:
        """Whether it is a gain for each channel."""
        return self.effect.is_gain or isinstance(self.effect, Pan)


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
        matrix = effect.channel_matrix(sample_rate, audio.shape[1], **values)
        step = _Step(effect, values, section, matrix)
        if not _joins(group, step):
            audio, group = _apply_group(audio, sample_rate, group), []
        group.append(step)
    return _apply_group(audio, sample_rate, group)


def _is_fused(audio: Tensor) -> bool:
    """GPUs, and programs that torch exports, have one kernel per effect."""
    return audio.device.type == "cpu" and not torch.compiler.is_compiling()


def _joins(group: list[_Step], step: _Step) -> bool:
    """Whether an effect is applied together with those before it."""
    if step.section is not None:  # behind gains that are equal for all channels, and filters
        return all(s.section is not None or s.effect.is_gain for s in group)
    if step.is_compressor:
        return all(s.is_moderate_gain for s in group)
    if step.matrix is None or any(s.section is not None for s in group):
        return not group
    with_compressor = any(s.matrix is None for s in group)
    return all(s.matrix is not None or s.is_compressor for s in group) and (
        step.is_diagonal or not with_compressor
    )


def _apply_group(audio: Tensor, sample_rate: int, group: list[_Step]) -> Tensor:
    if len(group) < 2:
        for step in group:
            audio = step.effect(audio, sample_rate, **step.values).to(audio.dtype)
        return audio
    matrices = [step.matrix for step in group if step.matrix is not None]
    sections = [step.section for step in group if step.section is not None]
    if sections:
        return biquad_cascade(audio, _scaled(sections, matrices))
    for number, step in enumerate(group):
        if isinstance(step.effect, Compressor | Dynamics):
            settings, makeup = step.effect.dynamics_settings(sample_rate, **step.values)
            return _compressed(audio, settings, makeup, matrices[:number], matrices[number:])
    return mix_channels(audio, reduce(lambda before, matrix: matrix @ before, matrices))


def _scaled(sections: list[Tensor], gains: list[Tensor]) -> Tensor:
    """Sections [B, N, 5] with the gains, [B, C, C] each and equal for all channels."""
    first, *others = sections
    for gain in gains:
        first = torch.cat([first[:, :3] * gain[:, 0, :1], first[:, 3:]], dim=1)
    return torch.stack([first, *others], dim=1)


def _compressed(
    audio: Tensor, settings: Tensor, makeup: Tensor, before: list[Tensor], behind: list[Tensor]
) -> Tensor:
    """Compress with gains around it: with g before it, it is g times that with threshold − g dB."""
    gains = makeup[:, None].expand(audio.shape[:2])
    for matrix in [*before, *behind]:
        gains = gains * matrix.diagonal(dim1=1, dim2=2)
    is_threshold = torch.eye(settings.shape[1], dtype=settings.dtype)[THRESHOLD]
    for matrix in before:
        settings = settings - ratio_to_db(matrix[:, 0, :1]) * is_threshold
    return apply_dynamics(audio, settings, gains)
