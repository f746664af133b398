"""Examples of the task `restore`, made in a batch on the device of the excerpts."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import CONDITIONS, Condition, Example
from ai_mixer.dsp.true_peak import true_peak

MAX_FINISHED_PEAK_DBTP = -1.0  # keeps the safety limiter inactive
MAX_ROUGH_PEAK = 10.0 ** (40.0 / 20.0)  # louder than any realistic rough
MAX_DRAWS = 8  # draws of knobs before the rough is the finished excerpt itself


@dataclass(frozen=True)
class RestoreInput:
    """What one example is made of.

    finished, other, rough: [C, T]; other: a second excerpt, under "reference"; rough: a real rough.
    draws: [MAX_DRAWS, P] positions, of which the first that gives a usable rough is used.
    """

    finished: Tensor
    draws: Tensor
    condition: Condition
    dry: bool
    sample_rate: int
    other: Tensor | None = None
    rough: Tensor | None = None

    def map_tensors(self, change: Callable[[Tensor], Tensor]) -> "RestoreInput":
        """Apply a function to all tensors."""
        return replace(
            self,
            finished=change(self.finished),
            draws=change(self.draws),
            other=None if self.other is None else change(self.other),
            rough=None if self.rough is None else change(self.rough),
        )


@torch.no_grad()
def make_examples(console: Console, inputs: Sequence[RestoreInput]) -> list[Example]:
    """Make examples of equal length; the caller sets genre and song id."""
    kinds = [(item.dry, item.rough is not None) for item in inputs]
    examples: dict[int, Example] = {}
    for kind in sorted(set(kinds)):  # each kind takes one way through the console
        rows = [row for row, own in enumerate(kinds) if own == kind]
        made = _Maker(console, [inputs[row] for row in rows]).examples()
        examples |= dict(zip(rows, made, strict=True))
    return [examples[row] for row in range(len(inputs))]


class _Maker:
    """Makes examples of inputs of one kind: all dry or none, all with a real rough or none."""

    def __init__(self, console: Console, inputs: list[RestoreInput]) -> None:
        first = inputs[0]
        self.inputs, self.dry, self.sample_rate = inputs, first.dry, first.sample_rate
        self.finished = torch.stack([item.finished for item in inputs])
        device = self.finished.device
        # On the CPU, where it is read: which knobs can be drawn, and which are tested by inversion.
        self.identifiable = console.invertible | self.dry
        self.traceable = console.traceable
        self.console = console if device.type == "cpu" else copy.deepcopy(console).to(device)
        self.neutral = self.console.neutral
        self.gain = _headroom_gain(self.finished)[:, None, None]
        self.finished = self.finished * self.gain

    def examples(self) -> list[Example]:
        """The examples, in the order of the inputs."""
        identifiable = self.identifiable.to(self.neutral.device)
        if self.inputs[0].rough is None:
            rough, knobs, audible = self._draw_examples()
            mask = audible & identifiable
            unlabelled = torch.zeros_like(mask)
        else:
            rough = self._stack("rough", self.inputs) * self.gain
            knobs = self.neutral.repeat(len(rough), 1)
            mask = torch.zeros_like(knobs, dtype=torch.bool)
            unlabelled = ~mask
        references = self._references(knobs)
        return [
            Example(
                rough=rough[row],
                finished=self.finished[row],
                reference=references[row],
                condition=CONDITIONS.index(item.condition),
                knobs=knobs[row],
                mask=mask[row],
                genre=-1,
                sample_rate=self.sample_rate,
                song_id="",
                unlabelled=unlabelled[row],
            )
            for row, item in enumerate(self.inputs)
        ]

    def _draw_examples(self) -> tuple[Tensor, Tensor, Tensor]:
        """Rough, knobs and audibility; sets the finished version if reverb and delay are added."""
        rough, knobs, audible, _ = self._reset_inaudible(*self._draw_roughs())
        if self.dry:  # the effect of reverb and delay is known only after rendering
            mix, audible_in_mix = self._render(rough, knobs)
            rough, knobs, audible, changed = self._reset_inaudible(
                rough, knobs, audible & audible_in_mix
            )
            if changed.any():
                again, audible_in_mix = self._render(_select(rough, changed), knobs[changed])
                mix = _replace(mix, changed, again)
                audible = _replace(audible, changed, audible[changed] & audible_in_mix)
            self.finished = mix
        return rough, knobs, audible

    def _draw_roughs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Invert the console with the first drawn positions that give a usable rough."""
        draws = self._stack("draws", self.inputs).to(self.neutral)
        draws = torch.where(self.identifiable.to(draws.device), draws, self.neutral)
        knobs = draws[:, 0]
        rough, audible = self._invert(self.finished, knobs)
        for positions in [*draws.unbind(1)[1:], self.neutral.expand_as(knobs)]:
            rejected = ~(rough.abs().amax((1, 2)) <= MAX_ROUGH_PEAK)  # also NaN
            if not rejected.any():
                return rough, knobs, audible
            knobs = torch.where(rejected[:, None], positions, knobs)
            again, audible_again = self._invert(_select(self.finished, rejected), knobs[rejected])
            rough = _replace(rough, rejected, again)
            audible = _replace(audible, rejected, audible_again)
        # The knobs of the last ones are neutral, so their rough is the finished version.
        return _replace(rough, rejected, _select(self.finished, rejected)), knobs, audible

    def _reset_inaudible(
        self, rough: Tensor, knobs: Tensor, audible: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Set inaudible knobs to neutral; returns rough, knobs, audible, changed rows, [B] bool.

        An inaudible knob may still change the level: a compressor that stays at its cap is a
        constant gain, which would falsify the targets of the gain knobs.
        """
        inaudible = ~audible & (knobs != self.neutral)
        changed = inaudible.any(1)
        if changed.any():
            knobs = torch.where(inaudible, self.neutral, knobs)
            again, still_audible = self._invert(_select(self.finished, changed), knobs[changed])
            rough = _replace(rough, changed, again)
            audible = _replace(audible, changed, audible[changed] & still_audible)
        return rough, knobs, audible, changed

    def _invert(self, finished: Tensor, knobs: Tensor) -> tuple[Tensor, Tensor]:
        """Roughs, and audibility [B, P] bool as far as inversion determines it."""
        query = self.traceable | (not self.dry)
        return self.console.invert_with_audibility(finished, self.sample_rate, knobs, query)

    def _render(self, rough: Tensor, knobs: Tensor) -> tuple[Tensor, Tensor]:
        """Mixes, and audibility [B, P] bool of knobs that inversion does not determine."""
        query = ~self.traceable
        return self.console.forward_with_audibility(rough, self.sample_rate, knobs, query)

    def _references(self, knobs: Tensor) -> list[Tensor]:
        """Second model inputs: silence, another excerpt or the finished excerpt."""
        conditions = [item.condition for item in self.inputs]
        rows = [row for row, condition in enumerate(conditions) if condition == "reference"]
        excerpts = dict(zip(rows, self._other_excerpts(rows, knobs), strict=True))
        return [
            excerpts[row]
            if row in excerpts
            else self.finished[row]
            if condition == "paired"
            else torch.zeros_like(self.finished[row])
            for row, condition in enumerate(conditions)
        ]

    def _other_excerpts(self, rows: list[int], knobs: Tensor) -> Sequence[Tensor]:
        if not rows:
            return ()
        excerpts = self._stack("other", [self.inputs[row] for row in rows]) * self.gain[rows]
        if not self.dry:
            return excerpts.unbind()
        # The same production: the other excerpt's own rough with the same knobs.
        rough = self.console.invert(excerpts, self.sample_rate, knobs[rows])
        return self.console(rough, self.sample_rate, knobs[rows]).unbind()

    @staticmethod
    def _stack(name: str, inputs: Sequence[RestoreInput]) -> Tensor:
        tensors = [getattr(item, name) for item in inputs]
        return torch.stack(tensors) if len(tensors) > 1 else tensors[0][None]  # without a copy


def _select(x: Tensor, rows: Tensor) -> Tensor:
    """The rows, [B] bool, of x; x itself if these are all."""
    return x if rows.all() else x[rows]


def _replace(x: Tensor, rows: Tensor, new: Tensor) -> Tensor:
    """Replace rows of x; out of place, because an idle console returns its input."""
    return new if rows.all() else x.index_put((rows,), new)


def _headroom_gain(audio: Tensor) -> Tensor:
    """Gain ≤ 1, [B], that brings the true peak to MAX_FINISHED_PEAK_DBTP or less."""
    return (10.0 ** (MAX_FINISHED_PEAK_DBTP / 20.0) / true_peak(audio)).clamp_max(1.0)
