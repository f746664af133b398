"""THD+N of signals with known distortion, and of the console."""

import math

import pytest
import torch

from ai_mixer.console.load import load_console
from ai_mixer.metrics.distortion import console_thd_n_percent, thd_n
from helpers.signals import sine

RATE = 44100


def tone(hz=997.0, level=0.5, seconds=1.0, phase=0.4):
    return sine(hz, seconds, RATE, level, phase).expand(1, 2, -1)


def test_thd_n_of_a_pure_tone_is_zero_at_any_level_and_phase():
    for x in (tone(), tone(level=1e-4, phase=2.0), -tone(phase=1.0)):
        assert thd_n(x, RATE, 997.0).item() < 1e-9
    assert thd_n(0 * tone(), RATE, 997.0).item() == 0.0


@pytest.mark.parametrize("share", [1.0, 0.1, 1e-3, 1e-4])
def test_thd_n_equals_the_share_of_harmonics_and_noise(share):
    white = share * torch.randn(1, 2, RATE).double() * 0.5 / 2**0.5
    for residual, audible in ((share * tone(1994.0), 1.0), (white, (20_000 / 22_050) ** 0.5)):
        expected = audible * share / math.sqrt(1 + (audible * share) ** 2)
        result = thd_n(tone() + residual, RATE, 997.0).item()
        assert result == pytest.approx(expected, rel=0.03)


def test_thd_n_of_a_cubic_equals_the_closed_form():
    # a sin − b sin³ = (a − 3b/4) sin + b/4 sin 3ωt
    full = tone(level=1.0)
    x = full - 0.1 * full**3
    expected = 0.025 / math.hypot(1 - 0.075, 0.025)
    assert thd_n(x, RATE, 997.0).item() == pytest.approx(expected, rel=1e-3)


def test_inaudible_frequencies_do_not_count():
    assert thd_n(tone() + tone(21_000.0) + 0.3, RATE, 997.0).item() < 1e-3


def test_console_thd_n_is_below_0_01_percent_without_compression():
    """All knobs at random positions, delay and reverb in a steady state."""
    console = load_console("classic", "wide")
    knobs = torch.rand(2, len(console.knobs), generator=torch.Generator().manual_seed(1))
    assert console_thd_n_percent(console, knobs, RATE).max() < 0.01


def test_thd_n_of_a_clipping_console_is_high():
    def clips(audio, sample_rate, knobs):
        return audio.clamp(-0.005, 0.005)  # half of the tone's peak

    assert console_thd_n_percent(clips, torch.zeros(1, 3), RATE).item() > 10
