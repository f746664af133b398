"""What is heard once for several models is what each would hear by itself."""

import pytest
import torch

from ai_mixer.models.baseline_cnn import BaselineCNN
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.shared_features import shared_features

RATE = 44_100
KNOBS = 10


@pytest.fixture
def sounds():
    noise = 0.1 * torch.randn(2, 2, 2, RATE, generator=torch.Generator().manual_seed(0))
    return noise[0], noise[1], torch.tensor([1, 2])


@pytest.fixture
def counted(monkeypatch):
    """How often a front end listened."""
    times, extract = [], FeatureExtractor._extract
    monkeypatch.setattr(
        FeatureExtractor, "_hear", lambda self, *x: times.append(1) or extract(self, *x)
    )
    return times


def test_models_say_the_same(sounds, counted):
    torch.manual_seed(0)
    models = [BaselineCNN(KNOBS, RATE, channels=8, features=16).eval() for _ in range(3)]
    alone = [model(*sounds) for model in models]
    assert len(counted) == 3
    with shared_features():
        together = [model(*(sound.clone() for sound in sounds)) for model in models]
    assert len(counted) == 4
    for one, other in zip(alone, together, strict=True):
        assert one.equal(other)


def test_other_sounds_ears_and_conditions_are_heard_anew(sounds, counted):
    rough, reference, condition = sounds
    with shared_features():
        FeatureExtractor(RATE)(*sounds)
        FeatureExtractor(RATE)(rough, rough, condition)
        FeatureExtractor(RATE)(rough, reference, torch.tensor([1, 1]))
        FeatureExtractor(RATE)(rough[:1], reference[:1], condition[:1])
        FeatureExtractor(RATE, n_mels=64)(*sounds)
        assert len(counted) == 5
    FeatureExtractor(RATE)(*sounds)
    assert len(counted) == 6  # nothing is remembered outside
