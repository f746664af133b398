"""Loss on tonal balance and level in third-octave bands."""

from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.dsp.spectra import power_to_db, third_octave_power
from ai_mixer.losses.term import LossTerm, check_mix


class SpectralBalanceLoss(LossTerm):
    """Mean absolute difference of band levels in dB; a plain gain of g dB gives g.

    Channels are added as power: insensitive to phase, polarity, timing and width, and to bands
    below `floor_db` (re full scale) in both versions.
    """

    def __init__(self, floor_db: float = -90.0) -> None:
        super().__init__()
        self.floor_db = floor_db

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """mix: [B, C, T]. Returns [], dB."""
        levels = self._levels(check_mix(mix, batch), batch.sample_rate)
        return (levels - self._levels(batch.finished, batch.sample_rate)).abs().mean()

    def _levels(self, x: Tensor, sample_rate: int) -> Tensor:
        return power_to_db(third_octave_power(x, sample_rate).mean(1), self.floor_db)
