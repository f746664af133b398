"""Restore: a finished excerpt run backwards through the console is what the model has to mend.

rough = unmix(finished, knobs), so that console(rough, knobs) ≈ finished and the knobs are known.
Reverb and delay have no honest inverse: with a dry version of the song they are added to it for the
finished version, without one they stay neutral and count for nothing (mask).

Where somebody's own rough is at hand (before and after), it is taken as it is: nobody knows the
knobs, all are masked, and only the sound can teach.
"""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import CONDITIONS, Example
from ai_mixer.dsp.true_peak import true_peak

MAX_FINISHED_PEAK_DBTP = (
    -1.0
)  # dBTP of a finished excerpt at most, so that the safety limiter idles
MAX_ROUGH_PEAK = 10.0 ** (40.0 / 20.0)  # no fader setting in the world gives a louder rough
MAX_DRAWS = 8  # of knobs, before an excerpt is left as it is


class Restore:
    """The task for one stereo file. `condition` is one of CONDITIONS, or "any": drawn each time."""

    def __init__(self, console: Console, condition: str = "any") -> None:
        if condition not in (*CONDITIONS, "any"):
            raise ValueError(f"condition {condition!r} is none of {', '.join(CONDITIONS)}, any")
        # A copy of its own: examples are made on the CPU, wherever the system's console moves.
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
        """One example; genre and song id are left to the caller.

        finished: [C, T], before reverb and delay if `dry`. other: gives another excerpt of the same
        recording; called only when the model hears it. rough: [C, T], what somebody made the
        finished version from; then nobody knows the knobs, and all are free. The same rng gives the
        same rough, finished and knobs under every condition.
        """
        by_lot = CONDITIONS[rng.integers(len(CONDITIONS))]
        condition = condition or (by_lot if self.condition == "any" else self.condition)
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
        """rough, finished, knobs, mask: what this console makes of knobs drawn by lot."""
        rough, knobs, audible = self._draw_rough(finished, sample_rate, dry, rng)
        rough, knobs, audible = self._reset_inaudible(
            finished, sample_rate, dry, rough, knobs, audible
        )
        if dry:  # what it sounds like with reverb and delay, only mixing tells
            mix, heard = self._render(rough, sample_rate, knobs)
            before, audible = knobs, audible & heard
            rough, knobs, audible = self._reset_inaudible(
                finished, sample_rate, dry, rough, knobs, audible
            )
            if knobs is not before:
                mix, heard = self._render(rough, sample_rate, knobs)
                audible = audible & heard
            finished = mix
        return rough, finished, knobs, audible & self._identifiable(dry)

    def _identifiable(self, dry: bool) -> Tensor:
        """[P] bool: which knobs leave their true mark on this material."""
        return self.console.invertible | dry

    def _draw_rough(
        self, finished: Tensor, sample_rate: int, dry: bool, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw knobs, uniform on the wire, and run the console backwards: rough, knobs, audible."""
        neutral = self.console.neutral
        for _ in range(MAX_DRAWS):
            drawn = torch.from_numpy(rng.random(len(neutral))).to(neutral)
            knobs = torch.where(self._identifiable(dry), drawn, neutral)
            rough, audible = self._invert(finished, sample_rate, dry, knobs)
            if rough.abs().amax() <= MAX_ROUGH_PEAK:  # NaN is not
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
        """rough, knobs, audible, with the knobs that cannot be heard at neutral.

        They must not leave a mark either: a compressor that stays at its cap is a fader, and would
        make the gains untrue.
        """
        hidden = ~audible & (knobs != self.console.neutral)
        if not hidden.any():
            return rough, knobs, audible
        knobs = torch.where(hidden, self.console.neutral, knobs)
        rough, still = self._invert(finished, sample_rate, dry, knobs)
        return rough, knobs, audible & still

    def _invert(
        self, finished: Tensor, sample_rate: int, dry: bool, knobs: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The rough [C, T], and [P] bool: what can be heard, as far as the way back tells."""
        query = self.console.traceable | (not dry)
        rough, audible = self.console.invert_with_audibility(
            finished[None], sample_rate, knobs[None], query
        )
        return rough[0], audible[0]

    def _render(self, rough: Tensor, sample_rate: int, knobs: Tensor) -> tuple[Tensor, Tensor]:
        """The mix [C, T], and [P] bool: what can be heard of what the way back does not tell."""
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
        """What the model hears beside the rough: nothing, another excerpt, or the answer."""
        if condition == "blind":
            return torch.zeros_like(finished)
        if condition == "paired":
            return finished
        excerpt = other_excerpt() * gain
        if not dry:
            return excerpt
        # The same production: what the console makes of this excerpt's own rough.
        rough = self.console.invert(excerpt[None], sample_rate, knobs[None])
        return self.console(rough, sample_rate, knobs[None])[0]


def _headroom_gain(audio: Tensor) -> Tensor:
    """The gain ≤ 1 that brings the true peak down to PEAK_DB."""
    return (10.0 ** (MAX_FINISHED_PEAK_DBTP / 20.0) / true_peak(audio[None])[0]).clamp_max(1.0)
