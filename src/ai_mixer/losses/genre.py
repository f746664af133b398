"""How well a model knows what kind of music it hears."""

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm


class GenreLoss(LossTerm):
    """Cross-entropy of the genre over the songs that have a known one; log 6 = 1.8 for guessing.

    A second question about the same music shapes what a network listens for (Caruana, "Multitask
    learning", Machine Learning 28, 1997). 0 if the model names no genre, or no song has one.
    """

    needs_mix: ClassVar[bool] = False

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """Logits [B, G]. Returns [], nats."""
        known = batch.genre >= 0
        if prediction.genre is None or not known.any():
            return 0.0 * prediction.knobs.sum()
        return cross_entropy(prediction.genre[known], batch.genre[known])
