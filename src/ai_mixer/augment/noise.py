"""Noise: tape, preamplifier, room."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ai_mixer.augment.filtering import fft_frequencies, match_rms
from ai_mixer.augment.single_version import SingleVersionAugment

MIN_FREQUENCY_HZ = 20.0  # below it the noise is white, whatever its colour


class NoiseParameters(NamedTuple):
    """A noise floor: dB below the RMS level, dB per octave, and which noise."""

    below_db: float
    slope_db: float
    seed: int


class Noise(SingleVersionAugment):
    """Noise between white and brown (0 … −6 dB per octave), below_db under the RMS of the music.

    Independent in both channels. Of a rough it disturbs no knob: the music in it is the same, and
    the knobs with which it was made are still the ones to find (measured: decision 0024).
    """

    def __init__(
        self,
        below_db: tuple[float, float] = (45.0, 70.0),
        *,
        version: str = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = (),
    ) -> None:
        super().__init__(version, probability, invalidates)
        self.below_db = below_db

    def draw_parameters(self, rng: np.random.Generator) -> NoiseParameters:
        """Level and colour, evenly; and a seed."""
        return NoiseParameters(
            float(rng.uniform(*self.below_db)),
            float(rng.uniform(-6.0, 0.0)),
            int(rng.integers(2**63)),
        )

    def process(self, audio: Tensor, sample_rate: int, params: NoiseParameters) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        hz = fft_frequencies(audio.shape[-1], sample_rate).clamp_min(MIN_FREQUENCY_HZ)
        normal = np.random.default_rng(params.seed).standard_normal(
            (len(audio), len(hz), 2), dtype=np.float32
        )
        slope = params.slope_db / (20.0 * np.log10(2.0))
        spectrum = (
            torch.view_as_complex(torch.from_numpy(normal)) * (hz / MIN_FREQUENCY_HZ) ** slope
        )
        noise = torch.fft.irfft(spectrum, audio.shape[-1]).to(audio)
        return audio + match_rms(noise, audio) * 10.0 ** (-params.below_db / 20.0)
