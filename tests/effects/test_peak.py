"""Tests of peaking filters."""

import torch

from ai_mixer.effects.peak import Peak, Presence
from helpers.signals import noise, sine


def test_the_gain_applies_at_the_centre_and_not_far_away():
    gain_db = torch.tensor([6.0, -6.0], dtype=torch.float64)
    for frequency_hz, expected_db in ((1000.0, gain_db), (15.0, torch.zeros(2))):
        x = sine(frequency_hz, level=0.1).expand(2, 1, -1)
        y = Peak(1000.0, 0.7)(x, 44_100, gain_db=gain_db)
        level_db = 10 * torch.log10(y[..., 22_050:].square().mean((1, 2)) / 0.005)
        torch.testing.assert_close(level_db, expected_db.double(), atol=0.05, rtol=0)


def test_presence_equals_a_peak_with_a_ratio_as_knob():
    x = noise(2, 2, 1000, dtype=torch.float64)
    ratio = torch.tensor([0.5, 2.0], dtype=torch.float64)
    gain_db = 20 * torch.log10(ratio)
    want = Peak(5000.0, 1.2)(x, 48_000, gain_db=gain_db)
    torch.testing.assert_close(Presence(5000.0, 1.2)(x, 48_000, ratio=ratio), want)
