"""Tests that constants cached in inference mode can be used in training afterwards."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.resample import resample
from ai_mixer.dsp.spectra import third_octave_power
from ai_mixer.effects.limiter import Limiter
from helpers.signals import noise

RATE = 23_917  # for which no other test has filled the caches


def run_console(x):
    console = load_console()
    knobs = torch.full((1, len(console.knobs)), 0.7, dtype=x.dtype)
    return console(4.0 * x, RATE, knobs)


FUNCTIONS = {
    "console": run_console,
    "loudness": lambda x: loudness_lufs(x, RATE),
    "resample": lambda x: resample(x, RATE, RATE + 2),
    "third octaves": lambda x: third_octave_power(x, RATE),
    "limiter": lambda x: Limiter(memory_ms=501.0)(4.0 * x, RATE),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_training_after_inference(function):
    audio = noise(1, 2, RATE, level=1.0)
    with torch.inference_mode():
        function(audio.clone())
    audio.requires_grad_()
    function(audio).sum().backward()
    assert audio.grad.isfinite().all()
    assert audio.grad.any()
