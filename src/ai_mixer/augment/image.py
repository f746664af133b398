"""Image: another stereo picture, with its own idea of the bass."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ai_mixer.augment.change import Change
from ai_mixer.augment.spectrum import filtered


class Picture(NamedTuple):
    """Gain of the side, and the frequency below which it is taken away."""

    side_db: float
    mono_below_hz: float


class Image(Change):
    """The side louder or softer, and less of it in the bass; the mid, and so mono, is kept.

    Of a rough it disturbs the width. Mono stays mono.
    """

    def __init__(
        self,
        range_db: float = 6.0,
        mono_below_hz: tuple[float, float] = (20.0, 250.0),
        *,
        side: str = "rough",
        probability: float = 0.5,
        disturbs: Sequence[str] = ("stereo_width",),
    ) -> None:
        super().__init__(side, probability, disturbs)
        self.range_db, self.mono_below_hz = range_db, mono_below_hz

    def parameters(self, rng: np.random.Generator) -> Picture:
        """Gain evenly in dB, frequency evenly in octaves."""
        low, high = np.log(self.mono_below_hz)
        return Picture(
            float(rng.uniform(-self.range_db, self.range_db)),
            float(np.exp(rng.uniform(low, high))),
        )

    def change(self, audio: Tensor, sample_rate: int, params: Picture) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        if len(audio) < 2:
            return audio
        mid, side = (audio[0] + audio[1]) / 2, (audio[0] - audio[1]) / 2
        gain = 10.0 ** (params.side_db / 20.0)

        def response(hz: Tensor) -> Tensor:
            octaves = (hz / params.mono_below_hz).square()
            return gain * octaves / (1.0 + octaves)

        side = filtered(side, sample_rate, response)
        return torch.stack([mid + side, mid - side])
