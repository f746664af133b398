"""The knobs that an augmentation of the rough does not invalidate can be estimated by a fit."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from ai_mixer.augment.bandwidth import Bandwidth
from ai_mixer.augment.clipping import Clipping
from ai_mixer.augment.codec import Codec
from ai_mixer.augment.dynamics import Dynamics
from ai_mixer.augment.noise import Noise
from ai_mixer.augment.stereo_image import StereoImage
from ai_mixer.console import load_console
from ai_mixer.inference.knob_fitting import fit_knobs
from ai_mixer.metrics.knob_skill import total_gain_db
from ai_mixer.tasks.restore import Restore

RATE = 44_100


@pytest.fixture(scope="module")
def song():
    """5 s of hits with the spectrum of music, partly correlated between the channels."""
    rng = np.random.default_rng(0)
    white = rng.normal(size=(1, 5 * RATE)) + 0.5 * rng.normal(size=(2, 5 * RATE))
    since_hit_s = (np.arange(5 * RATE) / RATE) % 0.4
    audio = lfilter([0.05], [1.0, -0.95], white) * (0.05 + np.exp(-since_hit_s / 0.08))
    return torch.from_numpy(0.8 * audio / np.abs(audio).max()).float()


@pytest.mark.slow
@pytest.mark.parametrize("cls", [Noise, Codec, Clipping, Dynamics, Bandwidth, StereoImage])
def test_valid_knobs_are_found_by_a_fit(song, cls):
    console = load_console()
    step, task = cls(version="rough", probability=1.0), Restore(console, "blind")
    rng = np.random.default_rng(0)
    example = task(song, lambda: song, dry=False, sample_rate=RATE, rng=rng)
    rough = step.apply(example, step.draw(rng)).rough
    fitted = fit_knobs(rough, example.finished, console, RATE).knobs
    gains = {"input_gain", "output_level"}
    errors = (fitted[0] - example.knobs).abs()
    for name, valid, error in zip(console.names, example.mask, errors, strict=True):
        if valid and name not in gains | set(step.invalidates):
            assert error < 0.15, name  # large, since noise is the hardest signal for a codec
    if not gains & set(step.invalidates):
        both = total_gain_db(
            console.knobs, [*console.settings(fitted), *console.settings(example.knobs[None])]
        )
        assert abs(both[0] - both[1]) < 1.5
