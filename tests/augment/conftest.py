"""Signals whose pitch, tempo and spectrum can be measured."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

RATE = 44_100


@pytest.fixture
def hits():
    """2 s of percussive hits over a quiet chord: the first at 0.125 s, then every 0.25 s."""
    time_s = np.arange(2 * RATE) / RATE
    rng = np.random.default_rng(0)
    chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in (110.0, 164.8, 220.0)) * 0.02
    since_hit_s = (time_s - 0.125) % 0.25
    lowpassed = lfilter([0.3], [1.0, -0.7], rng.normal(size=(2, len(time_s))))
    percussion = lowpassed * np.exp(-since_hit_s / 0.01) * 0.5
    return torch.from_numpy(chord + percussion).float()


@pytest.fixture
def noise():
    """2 s of partly correlated stereo noise."""
    rng = np.random.default_rng(1)
    audio = 0.1 * rng.normal(size=(1, 2 * RATE)) + 0.05 * rng.normal(size=(2, 2 * RATE))
    return torch.from_numpy(audio).float()
