"""How far the tonal balance and level are off, third of an octave by third of an octave."""

from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.dsp.spectra import power_to_db, third_octave_power
from ai_mixer.losses.term import LossTerm, check_mix


class SpectralBalanceLoss(LossTerm):
    """Mean absolute difference of the band levels, in dB; a plain gain of g dB reads g.

    Left and right are added as power: phase, polarity, timing and width do not count. Bands below
    `floor_db` (re full scale) in both versions do not count either.
    """

    def __init__(self, floor_db: float = -90.0) -> None:
        super().__init__()
        self.floor_db = floor_db

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """mix: [B, C, T]. Returns [], dB."""
        heard = self._levels(check_mix(mix, batch), batch.sample_rate)
        return (heard - self._levels(batch.finished, batch.sample_rate)).abs().mean()

    def _levels(self, x: Tensor, sample_rate: int) -> Tensor:
        return power_to_db(third_octave_power(x, sample_rate).mean(1), self.floor_db)
