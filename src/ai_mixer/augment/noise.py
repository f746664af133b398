"""Additive background noise, as of tape or preamplifiers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ai_mixer.augment.filtering import fft_frequencies, match_rms
from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Version

MIN_FREQUENCY_HZ = 20.0  # the spectrum is flat below


class NoiseParameters(NamedTuple):
    """Level in dB below the RMS of the audio, slope in dB per octave, and seed."""

    below_db: float
    slope_db: float
    seed: int


class Noise(SingleVersionAugment):
    """Noise between white and brown (0 … −6 dB per octave), below_db below the RMS of the audio.

    Independent in both channels. On a rough it invalidates no knob: the true knobs can still be
    estimated (measured: decision 0024).
    """

    def __init__(
        self,
        below_db: tuple[float, float] = (45.0, 70.0),
        *,
        version: Version = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = (),
    ) -> None:
        super().__init__(version, probability, invalidates)
        self.below_db = below_db

    def draw_parameters(self, rng: np.random.Generator) -> NoiseParameters:
        """Draw a uniform level and slope, and a seed."""
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
