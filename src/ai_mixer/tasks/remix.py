"""The task `remix`: stems are run backwards through strips with random knobs, which gives tracks.

studio(tracks, knobs) = finished, with every knob known:

- EQ, compressor, width and pan of each strip are drawn and inverted. A stem that is mono up to its
  pan keeps that pan, which is measured.
- The tracks of a song are brought to one loudness, so that the fader is a level relative to equal
  loudness: the balance of the stems, as it was left by who mixed them.
- Sends and buses are drawn and added forward to the sum of the stems.
- Trim and make-up (one product with the fader), low cut (no inverse) and master are neutral and
  masked.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ai_mixer.console import Console, ConsoleGraph
from ai_mixer.core.track_batch import TrackExample
from ai_mixer.core.types import CONDITIONS, Condition
from ai_mixer.tasks.remix_example import RemixDraws, RemixMaker


class Remix:
    """Task for several tracks, with a console of several tracks.

    condition: one of CONDITIONS, or "any": drawn for each example. effects: names of the effects
    of the strip that are drawn, and of sends; None: all. The level of each track is always a
    target, and the pan of a mono track. effect_probability: of a drawn effect to be used in a strip
    (else it is neutral), and of a bus to be used in a song. ValueError for a console of one stereo
    file, an unknown condition or effect, or a probability outside 0–1.
    """

    def __init__(
        self,
        console: Console | ConsoleGraph,
        condition: Condition | Literal["any"] = "any",
        effects: Sequence[str] | None = None,
        effect_probability: float = 0.5,
    ) -> None:
        if not isinstance(console, ConsoleGraph):
            raise ValueError("task=remix mixes several tracks: use console=studio")
        if condition not in (*CONDITIONS, "any"):
            known = ", ".join([*CONDITIONS, "any"])
            raise ValueError(f"condition {condition!r} is unknown: use one of {known}")
        if not 0.0 <= effect_probability <= 1.0:
            raise ValueError(f"task.effect_probability must be 0 to 1, got {effect_probability}")
        known_effects = [*console.strip.effects, *console.sends]
        for name in effects or ():
            if name not in known_effects:
                raise ValueError(
                    f"task.effects: no effect or send {name!r}, there is {', '.join(known_effects)}"
                )
        self.console, self.condition = copy.deepcopy(console).cpu(), condition
        self.effect_probability = effect_probability
        chosen = known_effects if effects is None else effects
        self.is_drawn = np.array([name in chosen for name in known_effects])
        self.maker = RemixMaker(self.console)

    def __call__(
        self,
        stems: Tensor,
        roles: Tensor,
        other_stems: Callable[[], Tensor],
        *,
        sample_rate: int,
        rng: np.random.Generator,
        condition: Condition | None = None,
    ) -> TrackExample:
        """Make one example; the caller sets genre and song id.

        stems: [N, 2, T], whose sum is a finished mix; silent ones are left out. roles: [N].
        other_stems: reads the same stems in another excerpt, [N, 2, T]; called under "reference"
        only. The same state of `rng` gives the same tracks and knobs under all conditions.
        ValueError if all stems are silent.
        """
        drawn = CONDITIONS[rng.integers(len(CONDITIONS))]
        condition = condition or (drawn if self.condition == "any" else self.condition)
        draws = self._draw(rng, len(stems))
        example, mix_again = self.maker.make(stems, roles, sample_rate, draws)
        reference = torch.zeros_like(example.finished)
        if condition == "paired":
            reference = example.finished
        elif condition == "reference":
            reference = mix_again(other_stems())
        example.reference, example.condition = reference, CONDITIONS.index(condition)
        return example

    def _draw(self, rng: np.random.Generator, tracks: int) -> RemixDraws:
        """All random numbers of an example, in an order that no option changes."""
        layout, effects = self.console.layout, len(self.console.strip.effects)
        strips = rng.random((tracks, len(layout.strip)))
        used = rng.random((tracks, len(self.is_drawn))) < self.effect_probability
        used_buses = rng.random(len(self.console.sends)) < self.effect_probability
        used &= self.is_drawn
        return RemixDraws(
            strips=torch.from_numpy(strips),
            active=torch.from_numpy(used[:, :effects]),
            sent=torch.from_numpy(used[:, effects:] & used_buses),
            buses=torch.from_numpy(rng.random(layout.bus_knobs)),
            raw_gain=torch.from_numpy(rng.random(tracks)),
        )
