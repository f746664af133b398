"""THD+N of things whose distortion is known on paper, and of the console."""

import math

import pytest
import torch

from ai_mixer.console.load import load_console
from ai_mixer.metrics.distortion import console_thd_n_percent, thd_n
from helpers.signals import sine

RATE = 44100


def tone(hz=997.0, level=0.5, seconds=1.0, phase=0.4):
    return sine(hz, seconds, RATE, level, phase).expand(1, 2, -1)


def test_a_pure_tone_has_none_at_any_level_and_phase():
    for x in (tone(), tone(level=1e-4, phase=2.0), -tone(phase=1.0)):
        assert thd_n(x, RATE, 997.0).item() < 1e-9
    assert thd_n(0 * tone(), RATE, 997.0).item() == 0.0


@pytest.mark.parametrize("share", [1.0, 0.1, 1e-3, 1e-4])
def test_harmonics_and_noise_read_their_share(share):
    for rest in (share * tone(1994.0), share * torch.randn(1, 2, RATE).double() * 0.5 / 2**0.5):
        whole = thd_n(tone() + rest, RATE, 997.0).item()
        heard = 1.0 if rest.abs().max() < share * 0.51 else (20_000 / 22_050) ** 0.5
        expected = heard * share / math.sqrt(1 + (heard * share) ** 2)
        assert whole == pytest.approx(expected, rel=0.03)


def test_a_cubic_is_what_trigonometry_says():
    # a sin − b sin³ = (a − 3b/4) sin + b/4 sin 3ωt
    full = tone(level=1.0)
    x = full - 0.1 * full**3
    expected = 0.025 / math.hypot(1 - 0.075, 0.025)
    assert thd_n(x, RATE, 997.0).item() == pytest.approx(expected, rel=1e-3)


def test_what_nobody_hears_does_not_count():
    assert thd_n(tone() + tone(21_000.0) + 0.3, RATE, 997.0).item() < 1e-3


def test_the_console_is_clean_where_it_does_not_compress():
    """Every knob at random, far from neutral, echoes and room settled: below 0.1 % by far."""
    console = load_console("classic", "wide")
    knobs = torch.rand(2, len(console.knobs), generator=torch.Generator().manual_seed(1))
    assert console_thd_n_percent(console, knobs, RATE).max() < 0.01


def test_a_console_that_distorts_is_found_out():
    def clips(audio, sample_rate, knobs):
        return audio.clamp(-0.005, 0.005)  # half of the tone's peak

    assert console_thd_n_percent(clips, torch.zeros(1, 3), RATE).item() > 10
