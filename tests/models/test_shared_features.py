"""shared_features: predictions are equal with and without the shared cache."""

import pytest
import torch

from ai_mixer.models.baseline_cnn import BaselineCNN
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.shared_features import shared_features
from helpers.signals import noise

RATE = 44_100
KNOBS = 10


@pytest.fixture
def inputs():
    return *noise(2, 2, 2, RATE), torch.tensor([1, 2])


@pytest.fixture
def extractions(monkeypatch):
    """A list with one element per feature extraction."""
    calls, extract = [], FeatureExtractor._extract
    monkeypatch.setattr(
        FeatureExtractor, "_extract", lambda self, *x: calls.append(1) or extract(self, *x)
    )
    return calls


def test_models_share_one_extraction_and_predict_the_same(inputs, extractions):
    torch.manual_seed(0)
    models = [BaselineCNN(KNOBS, RATE, channels=8, features=16).eval() for _ in range(3)]
    alone = [model(*inputs) for model in models]
    assert len(extractions) == 3
    with shared_features():
        together = [model(*(tensor.clone() for tensor in inputs)) for model in models]
    assert len(extractions) == 4
    for one, other in zip(alone, together, strict=True):
        assert one.equal(other)


def test_other_inputs_and_configurations_are_extracted_again(inputs, extractions):
    rough, reference, condition = inputs
    with shared_features():
        FeatureExtractor(RATE)(*inputs)
        FeatureExtractor(RATE)(rough, rough, condition)
        FeatureExtractor(RATE)(rough, reference, torch.tensor([1, 1]))
        FeatureExtractor(RATE)(rough[:1], reference[:1], condition[:1])
        FeatureExtractor(RATE, n_mels=64)(*inputs)
        assert len(extractions) == 5
    FeatureExtractor(RATE)(*inputs)
    assert len(extractions) == 6  # the cache ends with the block
