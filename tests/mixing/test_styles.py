"""Styles: what they add on both consoles, and their intensity."""

import pytest
import torch

from ai_mixer.console.frequency_response import response_db
from ai_mixer.mixing.apply_options import apply_mix_options
from ai_mixer.mixing.mix_console import named_console
from ai_mixer.mixing.mix_options import STYLES, WIDE, MixOptions

HZ = torch.tensor([60.0, 300.0, 1400.0, 5000.0, 14_000.0], dtype=torch.float64)
CONSOLES = ("classic", "mastering")


def settings(style, console, intensity=1.0):
    console = named_console(console)
    options = MixOptions(style=style, intensity=intensity)
    console.check(options)
    arguments = (console.knobs, options, console.limits(WIDE), console.shapes)
    return apply_mix_options({}, *arguments)


def curve_db(style, console, intensity=1.0):
    """Gain of the mid at HZ, without the mean."""
    console_ = named_console(console).console
    knobs = console_.knobs_from(settings(style, console, intensity)).double()
    gains = response_db(console_, knobs, HZ, 44_100)[0, 0]
    return gains - gains[2]


@pytest.mark.parametrize("console", CONSOLES)
def test_styles_differ_in_tone_by_more_than_a_listener_overlooks(console):
    warm, bright = (curve_db(style, console) for style in ("warm", "bright"))
    assert warm[0] > 0.5
    assert warm[-1] < -0.8
    assert bright[-1] > 0.8
    assert bright[1] < 0.3
    assert (warm - bright).abs().max() > 2


@pytest.mark.parametrize("console", CONSOLES)
def test_intensity_scales_a_style(console):
    low, medium, high = (curve_db("warm", console, share) for share in (0.5, 1.0, 1.6))
    torch.testing.assert_close(low, medium / 2, atol=0.1, rtol=0)
    assert high[0] > medium[0] > low[0] > 0


@pytest.mark.parametrize("console", CONSOLES)
def test_punchy_compresses(console):
    assert settings("punchy", console)["compressor_ratio"] == 2.5


def test_a_podcast_has_a_low_cut_and_de_essing_and_needs_the_mastering_console():
    podcast = settings("podcast", "mastering")
    assert podcast["low_cut"] == 80.0
    assert podcast["high_band_ratio"] > 2
    assert curve_db("podcast", "mastering")[0] < -3
    with pytest.raises(ValueError, match="--style podcast: needs the knob low_cut"):
        settings("podcast", "classic")


@pytest.mark.parametrize("console", CONSOLES)
@pytest.mark.parametrize("style", STYLES)
def test_each_style_does_something_on_each_console_that_has_it(style, console):
    if STYLES[style].needs and console == "classic":
        return
    neutral = {name: knob.neutral for name, knob in named_console(console).knobs.items()}
    changed = {n for n, v in settings(style, console).items() if v != pytest.approx(neutral[n])}
    assert changed or style in ("natural",), style
