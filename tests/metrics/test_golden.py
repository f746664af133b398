"""Golden scores: every metric gives for fixed sounds what it gave when it was written down.

What is meant to change a figure writes the file anew, and its commit says why:
.venv/bin/python -m pytest tests/metrics/test_golden.py --write-golden
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfilt

from ai_mixer.metrics.distance import distances
from ai_mixer.metrics.distortion import thd_n
from ai_mixer.metrics.scores import scores
from ai_mixer.metrics.standards import standards

GOLDEN = Path(__file__).parent / "golden" / "scores.json"
TOLERANCE = 1e-6  # relative, and absolute below 1
RATE = 44100


def finished():
    """[1, 2, T] float64: a chord, a hit twice a second, some hiss; nothing above 18 kHz."""
    rng = np.random.default_rng(7)
    time = np.arange(3 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * f * time + f) for f in (55.0, 220.0, 277.2, 1318.5))
    hits = rng.standard_normal((2, time.size)) * np.exp(-(time % 0.5) / 0.05)
    sound = 0.1 * chord + 0.4 * hits + 0.003 * rng.standard_normal((2, time.size))
    return torch.from_numpy(sosfilt(butter(6, 18_000, fs=RATE, output="sos"), 0.5 * sound))[None]


def variants(x):
    """Name → (mix, rough)."""
    high = torch.from_numpy(sosfilt(butter(2, 3000, "high", fs=RATE, output="sos"), x.numpy()))
    mid, side = x.mean(1, keepdim=True), 0.5 * (x[:, :1] - x[:, 1:])
    narrow = torch.cat([mid + 0.3 * side, mid - 0.3 * side], 1)
    late = 0.4 * x.roll(4410, -1)
    return {
        "bright": (x + 0.5 * high, 0.7 * x),
        "driven": (torch.tanh(4 * x), x),
        "narrow": (narrow, narrow),
        "echo": (x + late, x),
        "quiet": (0.1 * x, x),
    }


@pytest.fixture(scope="module")
def now():
    x = finished()
    found = {}
    for name, (mix, rough) in variants(x).items():
        values = {
            **distances(mix, x, RATE),
            **standards(mix, rough, x, RATE),
            **scores(mix, x, RATE),
        }
        found[name] = {key: value.item() for key, value in values.items()}
    time = torch.arange(RATE, dtype=torch.float64) / RATE
    tone = torch.tanh(torch.sin(2 * torch.pi * 997 * time)).expand(1, 2, -1)
    return found | {"tone": {"thd_n": thd_n(tone, RATE, 997.0).item()}}


@pytest.fixture(scope="module")
def golden(now, request):
    if request.config.getoption("--write-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(now, indent=1) + "\n")
    assert GOLDEN.is_file(), (
        f"{GOLDEN} is missing: get it back, it is what a change is held against"
    )
    return json.loads(GOLDEN.read_text())


def test_every_metric_gives_what_it_gave(now, golden):
    assert now.keys() == golden.keys()
    far = {
        f"{sound}, {name}": f"{value} was {golden[sound].get(name)}"
        for sound, values in now.items()
        for name, value in values.items()
        if value != pytest.approx(golden[sound].get(name), rel=TOLERANCE, abs=TOLERANCE)
    }
    assert not far
    assert all(now[sound].keys() == golden[sound].keys() for sound in now)


def test_the_golden_file_has_something_to_say(golden):
    """Each metric tells at least two of the sounds apart."""
    sounds = [values for name, values in golden.items() if name != "tone"]
    for metric in sounds[0]:
        assert len({round(values[metric], 3) for values in sounds}) > 1, metric
