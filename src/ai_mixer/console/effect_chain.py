"""The effects of a console and their knobs: positions 0–1, physical values, settings.

The order of the chain is the order of processing and the order of the knobs.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from numbers import Integral
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from ai_mixer.console.knob_positions import (
    POSITION_TOLERANCE,
    check_positions,
    positions_from,
    settings_of,
)
from ai_mixer.core.knob import Knob, knob_names
from ai_mixer.core.types import Settings
from ai_mixer.dsp.operators import can_branch
from ai_mixer.effects.effect import Effect

PhysicalValues = dict[str, Tensor]
"""Arguments of one effect: name → physical value, [B]."""

KnobColumns = dict[str, int]
"""Knobs of one effect: argument → index of the knob."""


class EffectChain(nn.Module):
    """An ordered chain of effects with their knobs, and a safety limiter that has no knob.

    limiter: None for a chain without one. chain: one mapping per effect with its `name`, the
    `effect`, and its `knobs`: argument of the effect → `{name, unit, scale, neutral}`. ranges: knob
    name → (low, high) in the knob's unit.
    ValueError if ranges and knobs do not match, or the knobs are not arguments of the effect.
    """

    neutral: Tensor  # [P] positions at which the effects are the identity
    invertible: Tensor  # [P] bool, True: the knob's effect has an inverse
    traceable: Tensor  # [P] bool, True: all effects up to the knob's one have an inverse

    def __init__(
        self,
        chain: Sequence[Mapping[str, Any]],
        limiter: Effect | None,
        ranges: Mapping[str, Sequence[float]],
    ) -> None:
        super().__init__()
        self.effects = nn.ModuleDict({entry["name"]: entry["effect"] for entry in chain})
        self.limiter = limiter
        self.knobs: list[Knob] = []
        self._arguments: list[tuple[str, ...]] = []  # per effect, in the order of its knobs
        for entry in chain:
            self._add_knobs(entry, ranges)
        if len(self.effects) != len(chain):
            raise ValueError(f"two effects share a name: {[entry['name'] for entry in chain]}")
        if set(ranges) != set(self.names) or len(self.names) != len(ranges):
            raise ValueError(f"ranges of {sorted(ranges)} do not fit the knobs {self.names}")
        neutral = torch.tensor([knob.neutral_position for knob in self.knobs], dtype=torch.float32)
        invertible = [
            effect.invertible
            for effect, arguments in zip(self.effects.values(), self._arguments, strict=True)
            for _ in arguments
        ]
        self.register_buffer("neutral", neutral, persistent=False)
        self.register_buffer(
            "invertible", torch.tensor(invertible, dtype=torch.bool), persistent=False
        )
        self.register_buffer("traceable", self.invertible.cumprod(0).bool(), persistent=False)

    @property
    def names(self) -> list[str]:
        """Names of the knobs in their order."""
        return knob_names(self.knobs)

    def without_neutral(self, knobs: Tensor) -> tuple[Self, Tensor]:
        """Remove the effects that are neutral in all rows of knobs, [N, P].

        Returns a console of the remaining effects (at least one) and its knobs, [N, P′]. The mix is
        the same and faster to render: an unused reverb would take most of the time.
        """
        knobs = self.check_knobs(knobs)
        active = self._active_effects(knobs)
        active[0] |= not any(active)  # a console has at least one effect
        console, indices = self.select(active)
        return console, knobs[:, indices]

    def streamable_part(self) -> tuple[Self, list[int]]:
        """A console of the effects with a live form, and the indices of its knobs."""
        return self.select([effect.streamable for effect, _ in self.effects_with_columns()])

    def unstreamable_effect(self, knobs: Tensor) -> str | None:
        """Name of the first effect without a live form that is not neutral in knobs, [N, P]."""
        active = self._active_effects(knobs)
        effects = zip(self.effects.items(), active, strict=True)
        return next((name for (name, e), on in effects if on and not e.streamable), None)

    def _active_effects(self, knobs: Tensor) -> list[bool]:
        """Per effect: whether it has no neutral, or a knob that is not neutral in knobs, [N, P]."""
        moved = ((knobs.cpu() - self.neutral.cpu()).abs() > POSITION_TOLERANCE).any(0)
        return [
            effect.wet_only or not columns or bool(moved[list(columns.values())].any())
            for effect, columns in self.effects_with_columns()
        ]

    def select(self, chosen: Sequence[bool]) -> tuple[Self, list[int]]:
        """A console of some of the effects, and the indices of its knobs."""
        parts = zip(self.effects.items(), self._arguments, self.effects_with_columns(), strict=True)
        remaining = [
            (name, effect, arguments, list(columns.values()))
            for ((name, effect), arguments, (_, columns)), keep in zip(parts, chosen, strict=True)
            if keep
        ]
        indices = [column for *_, columns in remaining for column in columns]
        console = copy(self)
        console._modules = {**self._modules}
        console._buffers = {name: b[indices] for name, b in self._buffers.items() if b is not None}
        console.effects = nn.ModuleDict({name: effect for name, effect, *_ in remaining})
        console.knobs = [self.knobs[column] for column in indices]
        console._arguments = [arguments for *_, arguments, _ in remaining]
        return console, indices

    def effects_with_columns(self) -> Iterator[tuple[Effect, KnobColumns]]:
        """Iterate over all effects, each with the indices of its knobs."""
        column = 0
        for effect, arguments in zip(self.effects.values(), self._arguments, strict=True):
            yield cast(Effect, effect), {name: column + n for n, name in enumerate(arguments)}
            column += len(arguments)

    def physical_values(self, columns: KnobColumns, knobs: Tensor) -> PhysicalValues:
        """Physical values, [B] each, of the knobs of one effect. knobs: [B, P] positions."""
        return {
            name: self.knobs[column].to_physical(knobs[:, column])
            for name, column in columns.items()
        }

    def settings(self, knobs: Tensor) -> Settings:
        """Convert positions [B, P] to settings, one dict per song: name → physical value.

        ValueError for NaN or a position outside 0–1, on any device.
        """
        positions = self.check_knobs(torch.as_tensor(knobs).detach().cpu()).double()
        return settings_of(self.knobs, positions)

    def knobs_from(self, settings: Mapping[str, float] | Sequence[Mapping[str, float]]) -> Tensor:
        """Convert settings to positions [B, P]; one dict is a batch of one.

        Missing knobs are neutral. ValueError for an unknown knob or a value outside its range.
        """
        songs = [settings] if isinstance(settings, Mapping) else settings
        rows = [positions_from(self.knobs, song) for song in songs]
        return self.neutral.new_tensor(rows).reshape(len(songs), len(self.knobs))

    def _add_knobs(self, entry: Mapping[str, Any], ranges: Mapping[str, Sequence[float]]) -> None:
        effect, knobs = entry["effect"], entry.get("knobs") or {}
        if set(knobs) != set(effect.knob_names):
            raise ValueError(
                f"{entry['name']}: knobs are {sorted(knobs)}, "
                f"{type(effect).__name__} has {sorted(effect.knob_names)}"
            )
        for spec in knobs.values():
            if spec["name"] not in ranges:
                raise ValueError(
                    f"no range for knob {spec['name']}: add `{spec['name']}: [low, high]`"
                )
            low, high = map(float, ranges[spec["name"]])
            self.knobs.append(
                Knob(**{**spec, "neutral": float(spec["neutral"])}, low=low, high=high)
            )
        self._arguments.append(tuple(knobs))

    def _effects_with_values(
        self, audio: Tensor, knobs: Tensor
    ) -> Iterator[tuple[Effect, PhysicalValues]]:
        """Iterate over all effects, each with the physical values of its knobs."""
        # In float64 as in a stream: a delay of 0.5 s would be off by a thousandth of a sample.
        knobs = knobs.to(audio.device, torch.float64)
        for effect, columns in self.effects_with_columns():
            yield effect, self.physical_values(columns, knobs)

    def check(self, audio: Tensor, sample_rate: int, knobs: Tensor) -> tuple[Tensor, Tensor]:
        """Check the arguments of `forward`; return audio and knobs as tensors.

        ValueError in one line.
        """
        return check_audio(audio, sample_rate), self.check_knobs(knobs, songs=len(audio))

    def check_knobs(self, knobs: Tensor, songs: int | None = None) -> Tensor:
        """Check that knobs are positions [songs, P]; return them as a tensor.

        ValueError in one line for another shape, and for NaN or a position outside 0–1. The values
        are checked only where this is free: not on a GPU, which a check would wait for, and not
        while a gradient is computed, e.g. in training.
        """
        knobs = torch.as_tensor(knobs)
        expected = [knobs.shape[0] if songs is None and knobs.dim() else songs, len(self.knobs)]
        if list(knobs.shape) != expected:
            raise ValueError(f"knobs must be [B, P] = {expected}, got {list(knobs.shape)}")
        if not knobs.requires_grad and can_branch(knobs):
            check_positions(knobs, lambda: self.names)
        return knobs


def check_audio(audio: Tensor, sample_rate: int) -> Tensor:
    """Check audio [B, C, T] and its sample rate; return it as a tensor. ValueError in one line."""
    audio = torch.as_tensor(audio)
    if audio.dim() != 3 or audio.shape[1] not in {1, 2} or audio.shape[2] < 1:
        raise ValueError(f"audio must be [B, 1 or 2, T], got {list(audio.shape)}")
    if audio.dtype not in {torch.float32, torch.float64}:
        raise ValueError(f"audio must be float32 or float64, got {audio.dtype}: full scale is 1")
    rate: object = sample_rate
    if not isinstance(rate, Integral) or not 8_000 <= sample_rate <= 192_000:
        raise ValueError(f"sample_rate must be a whole number of 8000–192000 Hz, got {sample_rate}")
    return audio
