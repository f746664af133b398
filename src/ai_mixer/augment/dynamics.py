"""Level-dependent gain that differs from the console's compressor."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.nn.functional import avg_pool1d, interpolate

from ai_mixer.augment.filtering import MIN_RMS, match_rms, rms
from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Version

BLOCK_S = 0.005
MAX_GAIN_DB = 9.0  # boost or cut


class DynamicsParameters(NamedTuple):
    """Gain in dB per dB of level, and the length of the level window in seconds."""

    slope: float
    window_s: float


class Dynamics(SingleVersionAugment):
    """Expansion (slope > 0) or compression (slope < 0); keeps the RMS level.

    The level is the mean square in a centred window of window_s, without attack, release or
    threshold, so the console's compressor cannot reproduce it. On a rough it invalidates both gains
    and the ratio.
    """

    def __init__(
        self,
        slope: tuple[float, float] = (-0.3, 0.4),
        window_s: tuple[float, float] = (0.02, 0.4),
        *,
        version: Version = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = ("input_gain", "compressor_ratio", "output_level"),
    ) -> None:
        super().__init__(version, probability, invalidates)
        self.slope, self.window_s = slope, window_s

    def draw_parameters(self, rng: np.random.Generator) -> DynamicsParameters:
        """Draw a uniform slope and a log-uniform window."""
        window_s = np.exp(rng.uniform(*np.log(self.window_s)))
        return DynamicsParameters(float(rng.uniform(*self.slope)), float(window_s))

    def process(self, audio: Tensor, sample_rate: int, params: DynamicsParameters) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        block = min(round(BLOCK_S * sample_rate), audio.shape[-1])
        power = avg_pool1d(
            audio.square().mean(0, keepdim=True), block, ceil_mode=True, count_include_pad=False
        )
        half = round(params.window_s / BLOCK_S / 2)
        power = avg_pool1d(power, 2 * half + 1, 1, half, count_include_pad=False)
        relative = power / rms(audio).square().clamp_min(MIN_RMS**2)
        level_db = 10.0 * relative.clamp_min(1e-6).log10()
        gain_db = (params.slope * level_db).clamp(-MAX_GAIN_DB, MAX_GAIN_DB)
        gain_db = interpolate(gain_db[None], audio.shape[-1], mode="linear")[0]
        return match_rms(audio * 10.0 ** (gain_db / 20.0), audio)
