"""Fixtures: a batch of synthetic audio, and a stand-in for a predictor."""

from types import SimpleNamespace

import pytest
import torch

from ai_mixer.console.load import load_console
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio, synthetic_batch

RATE = 44100


@pytest.fixture
def batch():
    """Two songs of 1.5 s: finished is duller and 3 dB quieter than the rough."""
    return synthetic_batch(0.2 * synthetic_audio(2, 1.5, RATE), RATE)


@pytest.fixture(scope="session")
def predictor():
    """The attributes of a `Predictor` that `KnobSystem` uses."""
    console = load_console()
    trained_knobs = torch.tensor([name not in {"reverb", "delay"} for name in console.names])
    return SimpleNamespace(
        console=console,
        trained_knobs=trained_knobs,
        mean_knobs=torch.full((len(trained_knobs),), 0.4),
        set_untrained_to_neutral=lambda knobs: torch.where(trained_knobs, knobs, console.neutral),
    )
