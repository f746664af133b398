"""Loss on samples; sensitive to phase and timing, and not in the default loss."""

from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm, check_mix


class WaveformLoss(LossTerm):
    """Error-to-signal ratio: mean squared error over the power of the finished version.

    The division by the power of each song makes the term independent of level: a plain MSE would
    weight a song at −10 dBFS a hundred times as much as one at −30. A silent mix gives 1. The power
    is at least that of `quiet_db` RMS.
    """

    def __init__(self, quiet_db: float = -60.0) -> None:
        super().__init__()
        self.quiet = 10.0 ** (quiet_db / 10.0)

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """mix: [B, C, T]. Returns [], a power ratio."""
        error = (check_mix(mix, batch) - batch.finished).square().mean((-2, -1))
        return (error / batch.finished.square().mean((-2, -1)).clamp_min(self.quiet)).mean()
