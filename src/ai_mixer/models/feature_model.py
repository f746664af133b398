"""Base class of models in two steps: feature extraction, and prediction from the features.

Feature extraction has no trained weights, so features can be cached (`data/feature_cache.py`) and
shared by the members of an ensemble.
"""

from torch import Tensor, nn

from ai_mixer.core.types import Batch, Features, Prediction


class FeatureModel(nn.Module):
    """[B, C, T] rough and reference → [B, P] knob positions, by way of features."""

    @property
    def feature_config(self) -> tuple[int, ...]:
        """Parameters of the features; models equal in it can share features."""
        raise NotImplementedError

    def extract(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Features:
        """[B, C, T], [B, C, T], [B] → log-mel spectrograms and statistics. No trained weights."""
        raise NotImplementedError

    def predict(self, features: Features, condition: Tensor) -> Prediction:
        """Knobs, their uncertainty, and genre logits if the model was built with `genre`."""
        raise NotImplementedError

    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """[B, C, T], [B, C, T], [B] → [B, P] in 0–1."""
        return self.predict(self.extract(rough, reference, condition), condition).knobs


def as_feature_model(model: nn.Module) -> FeatureModel:
    """Return the model if it can predict from cached features. ValueError if it needs audio."""
    if isinstance(model, FeatureModel):
        return model
    raise ValueError(
        f"{type(model).__name__} predicts from audio, and these batches have features only: "
        "use loader=default, or derive the model from FeatureModel"
    )


def predict_batch(model: nn.Module, batch: Batch) -> Prediction:
    """Prediction for a batch, from its cached features if it has any, else from its audio.

    ValueError if the model needs audio and the batch has none: sums over audio without samples are
    no errors in PyTorch.
    """
    if batch.features is not None and (isinstance(model, FeatureModel) or not batch.has_audio):
        return as_feature_model(model).predict(batch.features, batch.condition)
    return predict_audio(model, batch.rough, batch.reference, batch.condition)


def predict_audio(
    model: nn.Module, rough: Tensor, reference: Tensor, condition: Tensor
) -> Prediction:
    """Prediction from audio; knobs only if the model is not a FeatureModel."""
    if isinstance(model, FeatureModel):
        return model.predict(model.extract(rough, reference, condition), condition)
    return Prediction(model(rough, reference, condition))
