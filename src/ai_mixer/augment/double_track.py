"""A second track that plays the same part, as double-tracked voices and guitars."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.augment.speed import frequency_ratio
from ai_mixer.augment.track_augment import TrackAugment
from ai_mixer.core.stem_excerpt import StemExcerpt
from ai_mixer.core.track import ROLES
from ai_mixer.dsp.resample import resample
from ai_mixer.dsp.time_stretch import time_stretch

DOUBLED_ROLES = ("vocals", "chords", "lead", "pad", "other")
DELAY_MS = (8.0, 35.0)
DETUNE_CENTS = (5.0, 15.0)  # to either side
LEVEL_DB = (-6.0, 0.0)
MAX_DENOMINATOR = 400  # of the frequency ratio: 4 cents are the smallest interval


class Double(NamedTuple):
    """Delay, interval (a : b, above 1 is higher), level, and whether left and right are swapped."""

    delay_ms: float
    ratio: tuple[int, int]
    level_db: float
    mirrored: bool


class DoubleTrack(TrackAugment):
    """Add a delayed, detuned copy of a stem, with its role, as a further track.

    The copy is 8 to 35 ms late, 5 to 15 cents off and at most 6 dB softer; in half of the cases
    left and right are swapped, so that a part panned to the left has its double on the right. The
    grains of the pitch shift also vary its timing. A mono stem has a mono double.

    roles: of the stems that are doubled; None: all, also unknown ones. added_tracks: doubles per
    song at most, as far as `max_tracks` allows. ValueError for an unknown role.
    """

    def __init__(
        self,
        roles: Sequence[str] | None = DOUBLED_ROLES,
        added_tracks: int = 2,
        *,
        probability: float = 0.5,
    ) -> None:
        super().__init__(probability)
        for name in roles or ():
            if name not in ROLES:
                raise ValueError(f"no role {name!r} to double: use some of {', '.join(ROLES)}")
        self.roles = None if roles is None else {ROLES.index(name) for name in roles}
        self.added_tracks = added_tracks

    def draw_parameters(self, rng: np.random.Generator) -> Double:
        """Draw delay, interval, level and side."""
        cents = rng.uniform(*DETUNE_CENTS) * rng.choice([-1.0, 1.0])
        return Double(
            float(rng.uniform(*DELAY_MS)),
            frequency_ratio(cents, MAX_DENOMINATOR),
            float(rng.uniform(*LEVEL_DB)),
            bool(rng.random() < 0.5),
        )

    def measure(self, excerpt: StemExcerpt, drawn: list[Double | None]) -> list[Double | None]:
        """Choose the stems that are doubled, from those that sound in the first excerpt."""
        room = min(self.added_tracks, excerpt.max_tracks - len(excerpt.stems))
        chosen: list[Double | None] = [None] * len(drawn)
        for n, (stem, role) in enumerate(zip(excerpt.stems, excerpt.roles.tolist(), strict=True)):
            if drawn[n] and room > 0 and (self.roles is None or role in self.roles) and stem.any():
                chosen[n], room = drawn[n], room - 1
        return chosen

    def prepare(self, excerpt: StemExcerpt, params: list[Double | None]) -> StemExcerpt:
        """Append the doubles to the stems."""
        chosen = {n: own for n, own in enumerate(params[: len(excerpt.stems)]) if own is not None}
        if not chosen:
            return excerpt
        rows, rate = list(chosen), excerpt.sample_rate
        doubles = [self.process(excerpt.stems[n], rate, own) for n, own in chosen.items()]
        return excerpt._replace(
            stems=torch.cat([excerpt.stems, torch.stack(doubles)]),
            roles=torch.cat([excerpt.roles, excerpt.roles[rows]]),
        )

    def process(self, audio: Tensor, sample_rate: int, params: Double) -> Tensor:
        """audio: [2, T]. Returns the double, [2, T]."""
        up, down = params.ratio
        length, delay = audio.shape[-1], round(params.delay_ms / 1000 * sample_rate)
        tuned = time_stretch(resample(audio, up, down), down / up, sample_rate, length)
        late = pad(tuned, (delay, 0))[:, :length] * 10.0 ** (params.level_db / 20.0)
        return late.flip(0) if params.mirrored else late
