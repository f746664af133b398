"""What a model says of what it hears: hearing and answering are two steps.

Hearing holds no weights, so what was heard can be kept (`data/kept.py`), shared by the members of
an ensemble, and asked again.
"""

from torch import Tensor, nn

from ai_mixer.core.types import Batch, Features, Prediction


class FeatureModel(nn.Module):
    """[B, C, T] rough and reference → [B, P] knob positions, by way of what was heard."""

    @property
    def feature_config(self) -> tuple[int, ...]:
        """What is heard of a sound; where these are equal, one model may learn from another's."""
        raise NotImplementedError

    def extract(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Features:
        """[B, C, T], [B, C, T], [B] → pictures and statistics. Nothing here is learned."""
        raise NotImplementedError

    def predict(self, features: Features, condition: Tensor) -> Prediction:
        """Knobs, how far off they may be, and the genre if it was asked for."""
        raise NotImplementedError

    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """[B, C, T], [B, C, T], [B] → [B, P] in 0–1."""
        return self.predict(self.extract(rough, reference, condition), condition).knobs


def predict_batch(model: nn.Module, batch: Batch) -> Prediction:
    """What a model says of a batch, of what was heard before where that is what it holds."""
    if batch.features is not None and isinstance(model, FeatureModel):
        return model.predict(batch.features, batch.condition)
    return predict_audio(model, batch.rough, batch.reference, batch.condition)


def predict_audio(
    model: nn.Module, rough: Tensor, reference: Tensor, condition: Tensor
) -> Prediction:
    """What a model says of audio; one that only sets knobs says nothing else."""
    if isinstance(model, FeatureModel):
        return model.predict(model.extract(rough, reference, condition), condition)
    return Prediction(model(rough, reference, condition))
