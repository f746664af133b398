"""Only what changes the sound is told."""

from dataclasses import replace

import pytest

from ai_mixer.mixing.audible_settings import audible_settings
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.mix_console import named_console
from helpers.signals import noise

CLASSIC, MASTERING = named_console("classic"), named_console("mastering")


@pytest.fixture(scope="module")
def before():
    return measure([noise(2, seconds=1.0)], 44_100)


def audible(before, console=CLASSIC, **settings):
    return set(audible_settings(settings, console, before))


def test_gains_that_delivery_cancels_are_not_told(before):
    gains = {"input_gain": 0.5, "output_level": 2.0}
    assert audible(before, **gains, low_eq=1.0) == {"low_eq"}
    assert audible(before, **gains, compressor_ratio=3.0) == {"input_gain", "compressor_ratio"}


def test_a_compressor_that_no_peak_reaches_is_not_told(before):
    quiet = replace(before, true_peak_db=-60.0)
    assert audible(quiet, compressor_ratio=3.0, input_gain=1.1) == set()
    settings = {"compressor_ratio": 2.0, "compressor_threshold": -20.0, "compressor_attack": 5.0}
    assert audible(before, MASTERING, **settings) == set(settings)
    assert audible(replace(before, true_peak_db=-40.0), MASTERING, **settings) == set()


def test_the_width_of_mono_is_not_told(before):
    assert audible(replace(before, width_db=None), stereo_width=1.2, low_eq=1.0) == {"low_eq"}
    assert audible(before, stereo_width=1.2) == {"stereo_width"}
