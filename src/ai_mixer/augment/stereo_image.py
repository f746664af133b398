"""Random stereo width, with a separate width of the bass."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ai_mixer.augment.filtering import apply_frequency_response
from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Version


class StereoImageParameters(NamedTuple):
    """Gain of the side signal in dB, further gain of its bass in dB, and where the bass ends."""

    side_db: float
    bass_db: float
    below_hz: float


class StereoImage(SingleVersionAugment):
    """Change the level of the side signal, and reduce its bass; the mid signal is unchanged.

    range_db: the side gain is uniform within ±range_db. bass_db: maximum reduction of its bass.
    below_hz: range of the upper limit of the bass, log-uniform. Mono is unchanged. On a rough it
    invalidates stereo_width and low_eq.
    """

    def __init__(
        self,
        range_db: float = 6.0,
        bass_db: float = 6.0,
        below_hz: tuple[float, float] = (60.0, 250.0),
        *,
        version: Version = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = ("low_eq", "stereo_width"),
    ) -> None:
        super().__init__(version, probability, invalidates)
        self.range_db, self.bass_db, self.below_hz = range_db, bass_db, below_hz

    def draw_parameters(self, rng: np.random.Generator) -> StereoImageParameters:
        """Draw gains uniform in dB and a log-uniform frequency."""
        low, high = np.log(self.below_hz)
        return StereoImageParameters(
            float(rng.uniform(-self.range_db, self.range_db)),
            float(rng.uniform(-self.bass_db, 0.0)),
            float(np.exp(rng.uniform(low, high))),
        )

    def process(self, audio: Tensor, sample_rate: int, params: StereoImageParameters) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        if len(audio) < 2:
            return audio
        mid, side = (audio[0] + audio[1]) / 2, (audio[0] - audio[1]) / 2
        gain, bass = (10.0 ** (db / 20.0) for db in (params.side_db, params.bass_db))

        def response(hz: Tensor) -> Tensor:
            power = (hz / params.below_hz).square()
            return gain * (bass + power) / (1.0 + power)

        side = apply_frequency_response(side, sample_rate, response)
        return torch.stack([mid + side, mid - side])
