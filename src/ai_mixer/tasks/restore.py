"""The task `restore`: the rough is a finished excerpt, inverted by the console with random knobs.

rough = console.invert(finished, knobs), so that console(rough, knobs) ≈ finished with known knobs.
Reverb and delay have no inverse: with a dry version of the song they are applied to it to make the
finished version, without one they are neutral and masked.

If a song has a real rough (before and after), it is used as it is: the knobs are unknown, all are
masked, and only losses on audio apply.
"""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import CONDITIONS, Example
from ai_mixer.dsp.true_peak import true_peak

MAX_FINISHED_PEAK_DBTP = -1.0  # keeps the safety limiter inactive
MAX_ROUGH_PEAK = 10.0 ** (40.0 / 20.0)  # louder than any realistic rough
MAX_DRAWS = 8  # draws of knobs before the rough is the finished excerpt itself


class Restore:
    """Task for one stereo file.

    condition: one of CONDITIONS, or "any": drawn for each example. ValueError for another one.
    """

    def __init__(self, console: Console, condition: str = "any") -> None:
        if condition not in (*CONDITIONS, "any"):
            raise ValueError(f"condition {condition!r} is none of {', '.join(CONDITIONS)}, any")
        # A copy on the CPU, where examples are made: the model's console may move to a GPU.
        self.console, self.condition = copy.deepcopy(console).cpu(), condition

    @torch.no_grad()
    def __call__(
        self,
        finished: Tensor,
        other_excerpt: Callable[[], Tensor],
        *,
        dry: bool,
        sample_rate: int,
        rng: np.random.Generator,
        condition: str | None = None,
        rough: Tensor | None = None,
    ) -> Example:
        """Make one example; the caller sets genre and song id.

        finished: [C, T], before reverb and delay if `dry`. other_excerpt: returns another excerpt
        of the same recording; called under the condition "reference" only. rough: [C, T], a real
        rough; the knobs are then unknown, and all are unlabelled. The same state of `rng` gives the
        same rough, finished and knobs under all conditions.
        """
        drawn = CONDITIONS[rng.integers(len(CONDITIONS))]
        condition = condition or (drawn if self.condition == "any" else self.condition)
        gain = _headroom_gain(finished)
        finished = finished * gain
        if rough is None:
            rough, finished, knobs, mask = self._draw_example(finished, sample_rate, dry, rng)
            unlabelled = torch.zeros_like(mask)
        else:
            rough, dry, knobs = rough * gain, False, self.console.neutral.clone()
            mask = torch.zeros_like(knobs, dtype=torch.bool)
            unlabelled = ~mask
        return Example(
            rough=rough,
            finished=finished,
            reference=self._reference(
                condition, finished, other_excerpt, gain, dry, sample_rate, knobs
            ),
            condition=CONDITIONS.index(condition),
            knobs=knobs,
            mask=mask,
            genre=-1,
            sample_rate=sample_rate,
            song_id="",
            unlabelled=unlabelled,
        )

    def _draw_example(
        self, finished: Tensor, sample_rate: int, dry: bool, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw knobs at random; returns rough, finished, knobs and mask."""
        rough, knobs, audible = self._draw_rough(finished, sample_rate, dry, rng)
        rough, knobs, audible = self._reset_inaudible(
            finished, sample_rate, dry, rough, knobs, audible
        )
        if dry:  # the effect of reverb and delay is known only after rendering
            mix, audible_in_mix = self._render(rough, sample_rate, knobs)
            before, audible = knobs, audible & audible_in_mix
            rough, knobs, audible = self._reset_inaudible(
                finished, sample_rate, dry, rough, knobs, audible
            )
            if knobs is not before:
                mix, audible_in_mix = self._render(rough, sample_rate, knobs)
                audible = audible & audible_in_mix
            finished = mix
        return rough, finished, knobs, audible & self._identifiable(dry)

    def _identifiable(self, dry: bool) -> Tensor:
        """[P] bool: knobs that can be drawn for this material."""
        return self.console.invertible | dry

    def _draw_rough(
        self, finished: Tensor, sample_rate: int, dry: bool, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw uniform positions and invert the console: rough, knobs, audible."""
        neutral = self.console.neutral
        for _ in range(MAX_DRAWS):
            drawn = torch.from_numpy(rng.random(len(neutral))).to(neutral)
            knobs = torch.where(self._identifiable(dry), drawn, neutral)
            rough, audible = self._invert(finished, sample_rate, dry, knobs)
            if rough.abs().amax() <= MAX_ROUGH_PEAK:  # False for NaN
                return rough, knobs, audible
        return finished, neutral.clone(), self._invert(finished, sample_rate, dry, neutral)[1]

    def _reset_inaudible(
        self,
        finished: Tensor,
        sample_rate: int,
        dry: bool,
        rough: Tensor,
        knobs: Tensor,
        audible: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Set inaudible knobs to neutral; returns rough, knobs, audible.

        An inaudible knob may still change the level: a compressor that stays at its cap is a
        constant gain, which would falsify the targets of the gain knobs.
        """
        inaudible = ~audible & (knobs != self.console.neutral)
        if not inaudible.any():
            return rough, knobs, audible
        knobs = torch.where(inaudible, self.console.neutral, knobs)
        rough, still_audible = self._invert(finished, sample_rate, dry, knobs)
        return rough, knobs, audible & still_audible

    def _invert(
        self, finished: Tensor, sample_rate: int, dry: bool, knobs: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The rough [C, T], and audibility [P] bool as far as inversion determines it."""
        query = self.console.traceable | (not dry)
        rough, audible = self.console.invert_with_audibility(
            finished[None], sample_rate, knobs[None], query
        )
        return rough[0], audible[0]

    def _render(self, rough: Tensor, sample_rate: int, knobs: Tensor) -> tuple[Tensor, Tensor]:
        """The mix [C, T], and audibility [P] bool of knobs that inversion does not determine."""
        query = ~self.console.traceable
        mix, audible = self.console.forward_with_audibility(
            rough[None], sample_rate, knobs[None], query
        )
        return mix[0], audible[0]

    def _reference(
        self,
        condition: str,
        finished: Tensor,
        other_excerpt: Callable[[], Tensor],
        gain: Tensor,
        dry: bool,
        sample_rate: int,
        knobs: Tensor,
    ) -> Tensor:
        """Second model input [C, T]: silence, another excerpt or the finished excerpt."""
        if condition == "blind":
            return torch.zeros_like(finished)
        if condition == "paired":
            return finished
        excerpt = other_excerpt() * gain
        if not dry:
            return excerpt
        # The same production: render the other excerpt's own rough with the same knobs.
        rough = self.console.invert(excerpt[None], sample_rate, knobs[None])
        return self.console(rough, sample_rate, knobs[None])[0]


def _headroom_gain(audio: Tensor) -> Tensor:
    """Gain ≤ 1 that brings the true peak to MAX_FINISHED_PEAK_DBTP or less."""
    return (10.0 ** (MAX_FINISHED_PEAK_DBTP / 20.0) / true_peak(audio[None])[0]).clamp_max(1.0)
