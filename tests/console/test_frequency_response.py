"""The response of the linear effects equals what rendering does to the spectrum."""

import pytest
import torch

from ai_mixer import load_console
from ai_mixer.console.frequency_response import linear_knobs, response_db

RATE = 44_100
IMPULSE_SAMPLES = 1 << 17  # resolves the lowest filters


def rendered_response_db(console, settings):
    """Spectra of rendered impulses in mid and side, [2, bins] dB, and the frequencies."""
    impulses = torch.zeros(2, 2, IMPULSE_SAMPLES, dtype=torch.float64)
    impulses[:, 0, 0], impulses[0, 1, 0], impulses[1, 1, 0] = 1.0, 1.0, -1.0
    mix = console(impulses, RATE, console.knobs_from(settings).expand(2, -1), limit=False)
    halves = torch.stack([mix[0].sum(0) / 2, (mix[1, 0] - mix[1, 1]) / 2])
    bins = torch.fft.rfft(halves).abs()
    return 20 * bins.log10(), torch.fft.rfftfreq(IMPULSE_SAMPLES, 1 / RATE)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (
            "classic",
            {"low_eq": 5, "mid_eq": -4, "presence": 1.6, "stereo_width": 2, "input_gain": 2},
        ),
        (
            "mastering",
            {
                **{"low_cut": 30, "low_shelf_gain": 5, "band1_gain": -6, "band2_gain": 4},
                **{"band2_q": 3, "band3_frequency": 2000, "band3_gain": 3, "high_shelf_gain": -5},
                **{"low_width": 0.5, "high_width": 1.7, "mono_bass": 90, "level": 0.6},
                **{"compressor_makeup": 4},
            },
        ),
    ],
)
def test_response_equals_that_of_a_rendered_impulse(name, settings):
    console = load_console(name, ranges="wide")
    rendered_db, frequencies = rendered_response_db(console, settings)
    audible = (frequencies > 20) & (frequencies < 20_000)
    response = response_db(console, console.knobs_from(settings), frequencies[audible], RATE)[0]
    assert (response - rendered_db[:, audible]).abs().max() < 0.02


def test_neutral_is_0_db_and_the_gradient_is_finite():
    console = load_console("mastering", ranges="wide")
    knobs = console.neutral.double()[None].requires_grad_()
    response = response_db(console, knobs, torch.logspace(1, 4.3, 50), RATE)
    assert response.abs().max() < 1e-6
    (gradient,) = torch.autograd.grad(response.sum(), knobs)
    assert gradient.isfinite().all()
    assert gradient[0, console.names.index("band3_gain")].abs() > 1


def test_knobs_of_linear_effects():
    console = load_console("mastering", ranges="wide")
    linear = dict(zip(console.names, linear_knobs(console).tolist(), strict=True))
    assert all(linear[name] for name in ("band1_q", "mono_bass", "level"))
    assert not any(linear[name] for name in ("compressor_makeup", "saturation_drive"))
