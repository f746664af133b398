"""Random equaliser curve that the console's own filters cannot reproduce.

A smooth curve over frequency, minimum phase like analogue filters: Oppenheim & Schafer,
"Discrete-Time Signal Processing" (3rd ed.), section 13.5 (folding the real cepstrum).
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from ai_mixer.augment.filtering import apply_frequency_response, match_rms
from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Version

NODES_HZ = 31.25 * 2.0 ** np.arange(10)  # octaves, 31 Hz … 16 kHz
INVALIDATED_KNOBS = (
    "input_gain", "compressor_ratio", "low_eq", "mid_eq", "high_eq", "presence", "output_level",
)  # fmt: skip
FIR_S = 0.15  # length of the impulse response: four periods of the lowest node


class Equaliser(SingleVersionAugment):
    """Gains at octaves, each within ±range_db, smoothly interpolated; keeps the RMS level.

    On a rough it invalidates all equaliser knobs, and the ratio and both gains: the compressor
    precedes the equaliser and gets another spectrum.
    """

    def __init__(
        self,
        range_db: float = 6.0,
        *,
        version: Version = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = INVALIDATED_KNOBS,
    ) -> None:
        super().__init__(version, probability, invalidates)
        self.range_db = range_db

    def draw_parameters(self, rng: np.random.Generator) -> list[float]:
        """Draw the gains at NODES_HZ in dB."""
        return list(rng.uniform(-self.range_db, self.range_db, len(NODES_HZ)))

    def process(self, audio: Tensor, sample_rate: int, params: list[float]) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        fir = minimum_phase(params, sample_rate)
        filtered = apply_frequency_response(
            audio, sample_rate, lambda f: torch.fft.rfft(fir, 2 * (len(f) - 1)), len(fir)
        )
        return match_rms(filtered, audio)


def minimum_phase(gains_db: Sequence[float], sample_rate: int) -> Tensor:
    """Minimum-phase impulse response [N], float32, whose magnitude interpolates the gains.

    gains_db: gains at NODES_HZ in dB.
    """
    n = 2 * round(FIR_S * sample_rate / 2)
    hz = np.fft.rfftfreq(2 * n, 1.0 / sample_rate).clip(NODES_HZ[0], NODES_HZ[-1])
    curve_db = PchipInterpolator(np.log2(NODES_HZ), gains_db)(np.log2(hz))
    cepstrum = np.fft.irfft(curve_db * (np.log(10.0) / 20.0))
    cepstrum[1:n] *= 2.0
    cepstrum[n + 1 :] = 0.0
    response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))[:n]
    return torch.from_numpy(response.astype(np.float32))
