"""Loss on the predicted genre, an auxiliary task."""

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm


class GenreLoss(LossTerm):
    """Cross-entropy of the genre over songs with a known genre; log 6 = 1.8 at chance level.

    A second task on the same input improves the learned features (Caruana, "Multitask learning",
    Machine Learning 28, 1997). 0 if the model predicts no genre or no song has a known one.
    """

    needs_mix: ClassVar[bool] = False

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """Logits [B, G]. Returns [], nats."""
        known = batch.genre >= 0
        if prediction.genre is None or not known.any():
            return 0.0 * prediction.knobs.sum()
        return cross_entropy(prediction.genre[known], batch.genre[known])
