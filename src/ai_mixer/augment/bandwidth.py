"""Bandwidth limit: as after conversion to a lower sample rate."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ai_mixer.augment.filtering import apply_frequency_response
from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Version

PASSBAND_RATIO = 0.9  # end of the passband over the lower Nyquist frequency, as in resamplers


class Bandwidth(SingleVersionAugment):
    """Resampling to a lower rate and back: removes everything above half the lower rate.

    low_hz, high_hz: range of the lower rate, which is log-uniform; no change if it is above the
    file's own rate. On a rough it invalidates high_eq.
    """

    def __init__(
        self,
        low_hz: float = 22_050.0,
        high_hz: float = 40_000.0,
        *,
        version: Version = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = ("high_eq",),
    ) -> None:
        super().__init__(version, probability, invalidates)
        self.low_hz, self.high_hz = low_hz, high_hz

    def draw_parameters(self, rng: np.random.Generator) -> float:
        """Draw the lower rate in Hz."""
        return float(np.exp(rng.uniform(np.log(self.low_hz), np.log(self.high_hz))))

    def process(self, audio: Tensor, sample_rate: int, params: float) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        if params >= sample_rate:
            return audio
        stop = params / 2

        def response(hz: Tensor) -> Tensor:
            inside = ((stop - hz) / (stop - PASSBAND_RATIO * stop)).clamp(0.0, 1.0)
            return (inside * (np.pi / 2)).sin().square()

        return apply_frequency_response(audio, sample_rate, response)
