"""How far the samples themselves are off: strict about phase and timing, so not in the default."""

from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm, check_mix


class WaveformLoss(LossTerm):
    """Mean squared error over the finished version's power (error-to-signal ratio).

    A plain MSE would count a song at −10 dBFS a hundred times as much as one at −30: dividing
    by the power, song by song, makes the term independent of level. A silent mix reads 1. Songs
    below `quiet_db` RMS are treated as that loud.
    """

    def __init__(self, quiet_db: float = -60.0) -> None:
        super().__init__()
        self.quiet = 10.0 ** (quiet_db / 10.0)

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """mix: [B, C, T]. Returns [], a power ratio."""
        error = (check_mix(mix, batch) - batch.finished).square().mean((-2, -1))
        return (error / batch.finished.square().mean((-2, -1)).clamp_min(self.quiet)).mean()
