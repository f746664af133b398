"""Settings as people write them: units, names of reports."""

import pytest

from ai_mixer.cli.commands.numbers import Number, OptionError, Setting
from ai_mixer.mixing.mix_console import default_console, named_console
from ai_mixer.mixing.mix_options import MixOptions


def resolved(text, console=None):
    given = Setting("--set")(text)
    options = MixOptions(
        fixed_settings={given.name: given.value},
        units={given.name: given.unit} if given.unit else {},
    )
    console = console or default_console()
    options = console.resolve(options)
    console.check(options)
    return options.fixed_settings


@pytest.mark.parametrize(
    ("text", "knob", "value"),
    [
        ("low_eq=+1.5", "low_eq", 1.5),
        ("low_eq=−1.5 dB", "low_eq", -1.5),
        ("presence=+2dB", "presence", 1.2589),
        ("presence=1.2x", "presence", 1.2),
        ("presence=10 %", "presence", 1.1),
        ("treble=2 dB", "high_eq", 2.0),
        ("bass (below 120 Hz)=-1", "low_eq", -1.0),
        ("Stereo Width=10 % wider", "stereo_width", 1.1),
        ("stereo width=10% narrower", "stereo_width", 0.9),
        ("compressor=2:1", "compressor_ratio", 2.0),
        ("room=0.1", "reverb", 0.1),
    ],
)
def test_units_and_names_of_the_report_are_understood(text, knob, value):
    assert resolved(text) == {knob: pytest.approx(value, abs=1e-4)}


@pytest.mark.parametrize(
    ("text", "value"),
    [("low_cut=0.03 kHz", 30.0), ("low_cut=30 Hz", 30.0), ("low cut=30", 30.0)],
)
def test_frequencies_of_the_mastering_console(text, value):
    assert resolved(text, named_console("mastering")) == {"low_cut": pytest.approx(value)}


@pytest.mark.parametrize(
    "text", ["low_eq=1.2x", "low_eq=3 Hz", "presence=2 ms", "low_eq=1 dB louder"]
)
def test_a_unit_that_a_knob_does_not_have_is_refused_with_those_that_it_has(text):
    with pytest.raises(ValueError, match=r"its unit is .*(dB|ratio)") as caught:
        resolved(text)
    assert "\n" not in str(caught.value)


def test_labels_of_groups_and_knobs_serve_all_options():
    options = default_console().resolve(
        MixOptions(group_amounts={"treble": 0.5}, only_groups=["eq"])
    )
    assert (options.group_amounts, options.only_groups) == ({"high_eq": 0.5}, ("eq",))


@pytest.mark.parametrize(
    ("text", "value"), [("-14 LUFS", -14), ("−1.5dBTP", -1.5), ("50%", 0.5), ("3 dB", 3)]
)
def test_numbers_may_have_a_unit(text, value):
    assert Number("--x").parse("--x", text) == value


@pytest.mark.parametrize("text", ["dB", "1 2 dB", "nan dB", "1 Hz"])
def test_other_texts_are_no_numbers(text):
    with pytest.raises(OptionError):
        Number("--x").parse("--x", text)
