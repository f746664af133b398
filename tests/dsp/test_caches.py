"""Constants cached under `inference_mode` serve training afterwards (seen: evaluate, then fit)."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.resample import resample
from ai_mixer.dsp.spectra import third_octave_power
from ai_mixer.effects.limiter import Limiter

RATE = 23_917  # a rate no other test has cached anything for


def whole_console(x):
    console = load_console()
    knobs = torch.full((1, len(console.knobs)), 0.7, dtype=x.dtype)
    return console(4.0 * x, RATE, knobs)


WORK = {
    "console": whole_console,
    "loudness": lambda x: loudness_lufs(x, RATE),
    "resample": lambda x: resample(x, RATE, RATE + 2),
    "third octaves": lambda x: third_octave_power(x, RATE),
    "limiter": lambda x: Limiter(memory_ms=501.0)(4.0 * x, RATE),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
def test_training_after_inference(work):
    noise = torch.randn(1, 2, RATE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        work(noise.clone())
    heard = noise.clone().requires_grad_()
    work(heard).sum().backward()
    assert heard.grad.isfinite().all()
    assert heard.grad.any()
