"""Batches of music-like noise, and parametrisation over all loss terms."""

import pytest
import torch
from scipy.signal import lfilter

import ai_mixer.losses
from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses import LossTerm
from helpers.discovery import subclasses_in

RATE = 16000


def _all_terms():
    return subclasses_in(ai_mixer.losses, LossTerm)


def pytest_generate_tests(metafunc):
    if "term_class" in metafunc.fixturenames:
        terms = _all_terms()
        metafunc.parametrize("term_class", terms, ids=[t.__name__ for t in terms])


@pytest.fixture
def music():
    """A function → [songs, 2, T] float64: low-passed noise with hits, a loud and a quiet half."""

    def make(seconds=3.0, songs=3, seed=0):
        generator = torch.Generator().manual_seed(seed)
        length = round(seconds * RATE)
        noise = torch.randn(songs, 2, length, generator=generator, dtype=torch.float64)
        noise[:, 1] = 0.6 * noise[:, 0] + 0.8 * noise[:, 1]
        red = torch.from_numpy(lfilter([1.0], [1.0, -0.9], noise.numpy()))
        time = torch.arange(length) / RATE
        bars = torch.where(time < seconds / 2, 1.0, 0.3)
        return 0.03 * red * torch.exp(-(time % 0.25) / 0.1) * bars

    return make


@pytest.fixture
def predict():
    """A function: knobs [B, 4] → a prediction whose parts all depend on them."""

    def make(knobs):
        uncertainty = 0.3 + 0.2 * torch.sin(9.0 * knobs)
        return Prediction(knobs, uncertainty, torch.nn.functional.pad(3.0 * knobs, (0, 2)))

    return make


@pytest.fixture
def make_batch():
    """A function: finished [B, C, T] → a batch; by default all knobs at 0.5 and unmasked."""

    def make(finished, knobs=None, mask=None):
        songs = len(finished)
        knobs = torch.full((songs, 4), 0.5, dtype=finished.dtype) if knobs is None else knobs
        return Batch(
            rough=torch.zeros_like(finished),
            finished=finished,
            reference=torch.zeros_like(finished),
            condition=torch.zeros(songs, dtype=torch.long),
            knobs=knobs,
            mask=torch.ones_like(knobs, dtype=torch.bool) if mask is None else mask,
            genre=torch.zeros(songs, dtype=torch.long),
            sample_rate=RATE,
            song_id=[str(n) for n in range(songs)],
        )

    return make
