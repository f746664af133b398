"""Golden values: every metric of fixed signals equals its stored value.

After an intended change, write the file again and give the reason in the commit:
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
    """[1, 2, T] float64: a chord, two hits per second, noise; low-passed at 18 kHz."""
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
def measured():
    x = finished()
    by_signal = {}
    for name, (mix, rough) in variants(x).items():
        values = {
            **distances(mix, x, RATE),
            **standards(mix, rough, x, RATE),
            **scores(mix, x, RATE),
        }
        by_signal[name] = {key: value.item() for key, value in values.items()}
    time = torch.arange(RATE, dtype=torch.float64) / RATE
    tone = torch.tanh(torch.sin(2 * torch.pi * 997 * time)).expand(1, 2, -1)
    return by_signal | {"tone": {"thd_n": thd_n(tone, RATE, 997.0).item()}}


@pytest.fixture(scope="module")
def golden(measured, request):
    if request.config.getoption("--write-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(measured, indent=1) + "\n")
    assert GOLDEN.is_file(), f"{GOLDEN} is missing: restore it from version control"
    return json.loads(GOLDEN.read_text())


def test_every_metric_equals_its_golden_value(measured, golden):
    assert measured.keys() == golden.keys()
    far = {
        f"{sound}, {name}": f"{value} was {golden[sound].get(name)}"
        for sound, values in measured.items()
        for name, value in values.items()
        if value != pytest.approx(golden[sound].get(name), rel=TOLERANCE, abs=TOLERANCE)
    }
    assert not far
    assert all(measured[sound].keys() == golden[sound].keys() for sound in measured)


def test_golden_values_differ_between_signals(golden):
    """Each metric differs between at least two of the signals."""
    sounds = [values for name, values in golden.items() if name != "tone"]
    for metric in sounds[0]:
        assert len({round(values[metric], 3) for values in sounds}) > 1, metric
