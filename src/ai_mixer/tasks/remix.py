"""The task `remix`: stems are run backwards through strips with random knobs, which gives tracks.

studio(tracks, knobs) = finished, with every knob known:

- EQ, compressor, width and pan of each strip are drawn and inverted. A stem that is mono up to its
  pan keeps that pan, which is measured.
- The tracks of a song are brought to one loudness, so that the fader is a level relative to equal
  loudness: the balance of the stems, as it was left by who mixed them.
- Sends and buses are drawn and added forward to the sum of the stems.
- Trim (one product with the fader), low cut (no inverse) and master are neutral and masked.
"""

import copy
from collections.abc import Callable
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

    condition: one of CONDITIONS, or "any": drawn for each example. send_probability: of a track to
    be sent to a bus, in songs that use it, which are as many. compressor_probability: of a
    compressor in a strip. ValueError for a console of one stereo file, another condition or a
    probability outside 0–1.
    """

    def __init__(
        self,
        console: Console | ConsoleGraph,
        condition: Condition | Literal["any"] = "any",
        send_probability: float = 0.5,
        compressor_probability: float = 0.5,
    ) -> None:
        if not isinstance(console, ConsoleGraph):
            raise ValueError("task=remix mixes several tracks: use console=studio")
        if condition not in (*CONDITIONS, "any"):
            known = ", ".join([*CONDITIONS, "any"])
            raise ValueError(f"condition {condition!r} is unknown: use one of {known}")
        for name, share in {
            "send_probability": send_probability,
            "compressor_probability": compressor_probability,
        }.items():
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"task.{name} must be 0 to 1, got {share}")
        self.console, self.condition = copy.deepcopy(console).cpu(), condition
        self.send_probability = send_probability
        self.compressor_probability = compressor_probability
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
        layout, sends = self.console.layout, len(self.console.sends)
        numbers = torch.from_numpy(rng.random((tracks, len(layout.strip))))
        chances = rng.random((tracks, 1 + sends))
        songs = rng.random(sends) < self.send_probability
        sent = (chances[:, 1:] < self.send_probability) & songs
        return RemixDraws(
            strips=numbers,
            compressed=torch.from_numpy(chances[:, 0] < self.compressor_probability),
            sent=torch.from_numpy(sent),
            buses=torch.from_numpy(rng.random(layout.bus_knobs)),
            raw_gain=torch.from_numpy(rng.random(tracks)),
        )
