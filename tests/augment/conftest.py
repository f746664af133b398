"""Sounds whose pitch, tempo and spectrum can be told."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

RATE = 44_100


@pytest.fixture
def sine():
    """A function: a sine, equal in both channels."""

    def make(hz, seconds=1.0, level=0.5):
        time_s = np.arange(round(seconds * RATE)) / RATE
        return torch.from_numpy(level * np.sin(2 * np.pi * hz * time_s)).float().expand(2, -1)

    return make


@pytest.fixture
def hits():
    """Two seconds of sharp hits, at 0.125 s and every 0.25 s from there, over a soft chord."""
    time_s = np.arange(2 * RATE) / RATE
    rng = np.random.default_rng(0)
    chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in (110.0, 164.8, 220.0)) * 0.02
    since = (time_s - 0.125) % 0.25
    dark = lfilter([0.3], [1.0, -0.7], rng.normal(size=(2, len(time_s))))
    hit = dark * np.exp(-since / 0.01) * 0.5
    return torch.from_numpy(chord + hit).float()


@pytest.fixture
def noise():
    """Two seconds, a part common to both channels and parts of their own."""
    rng = np.random.default_rng(1)
    audio = 0.1 * rng.normal(size=(1, 2 * RATE)) + 0.05 * rng.normal(size=(2, 2 * RATE))
    return torch.from_numpy(audio).float()
