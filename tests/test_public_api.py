"""Tests of the public API; a change of this file is a change of the API."""

import inspect
import subprocess
import sys
import typing

import pytest
import torch

import ai_mixer
from ai_mixer.core.knob import Knob
from helpers.signals import noise

KNOBS = {  # name: unit, low, high, scale, neutral of the wide ranges; knobs may be added
    "input_gain": ("ratio", 0.25, 4, "log", 1),
    "compressor_ratio": (":1", 1, 8, "slope", 1),
    "low_eq": ("dB", -6, 6, "linear", 0),
    "mid_eq": ("dB", -6, 6, "linear", 0),
    "high_eq": ("dB", -6, 6, "linear", 0),
    "presence": ("ratio", 0.5, 2, "log", 1),
    "delay": ("wet", 0, 0.5, "linear", 0),
    "reverb": ("wet", 0, 0.6, "linear", 0),
    "stereo_width": ("ratio", 0.4, 2.5, "log", 1),
    "output_level": ("ratio", 0.25, 4, "log", 1),
}


@pytest.fixture(scope="module")
def console():
    return ai_mixer.load_console("classic", ranges="wide")


def parameters(function):
    return list(inspect.signature(function).parameters.values())


def test_exported_names():
    assert set(ai_mixer.__all__) >= {"load_console", "load_model", "Console", "Knob", "Predictor"}
    for name in ai_mixer.__all__:
        assert getattr(ai_mixer, name).__doc__, name
    with pytest.raises(AttributeError, match="nonsense"):
        ai_mixer.nonsense  # noqa: B018


@pytest.mark.parametrize(("old", "new"), ai_mixer._RENAMED.items())
def test_old_names_warn_and_return_the_new_object(old, new):
    with pytest.warns(DeprecationWarning, match=f"{old}.*{new}"):
        assert getattr(ai_mixer, old) is getattr(ai_mixer, new)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (ai_mixer.load_console, {"name": "classic", "ranges": "wide"}),
        (ai_mixer.load_model, {"where": "last", "allow_targets": ()}),
        (
            ai_mixer.Predictor.predict,
            {"self": ..., "audio": ..., "sample_rate": ..., "reference": None, "finished": None},
        ),
        (ai_mixer.Console.settings, {"self": ..., "knobs": ...}),
        (ai_mixer.Console.knobs_from, {"self": ..., "settings": ...}),
        (ai_mixer.Console.invert, {"self": ..., "audio": ..., "sample_rate": ..., "knobs": ...}),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_signatures(function, expected):
    given = {p.name: ... if p.default is p.empty else p.default for p in parameters(function)}
    assert given == expected
    hints = typing.get_type_hints(function)
    assert set(hints) == (set(expected) - {"self"}) | {"return"}
    assert function.__doc__


def test_console_forward_takes_audio_rate_knobs_and_keyword_options():
    names = [p.name for p in parameters(ai_mixer.Console.forward)]
    assert names[:4] == ["self", "audio", "sample_rate", "knobs"]
    optional = parameters(ai_mixer.Console.forward)[4:]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in optional)


def test_importing_the_package_imports_no_large_libraries():
    code = (
        "import ai_mixer, sys; print([m for m in "
        "('torch', 'hydra', 'mlflow', 'numba', 'pandas', 'pytorch_lightning') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_importing_stages_does_not_import_mlflow():
    """The import of MLflow takes seconds; pedalboard and `lightning` are never imported."""
    code = (
        "import ai_mixer, sys; ai_mixer.load_console(); ai_mixer.load_model; "
        "from ai_mixer.cli.stages import train, evaluate, render; "
        "print([m for m in ('mlflow', 'lightning', 'pedalboard') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_knobs_of_the_default_console(console):
    assert all(isinstance(knob, Knob) for knob in console.knobs)
    table = {k.name: (k.unit, k.low, k.high, k.scale, k.neutral) for k in console.knobs}
    assert [item for item in table.items() if item[0] in KNOBS] == list(KNOBS.items())


def test_the_console_renders_audio_and_neutral_is_the_identity(console):
    audio = noise(3, 2, 4410)
    mix = console(audio, 44100, torch.rand(3, len(console.knobs)))
    assert mix.shape == audio.shape
    neutral = console.knobs_from({}).expand(3, -1)
    torch.testing.assert_close(console(audio, 44100, neutral), audio, atol=1e-5, rtol=0)


def test_settings_are_physical_values_and_survive_a_round_trip(console):
    given = {"low_eq": 3.0, "stereo_width": 1.5, "compressor_ratio": 2.0}
    knobs = console.knobs_from(given)
    assert knobs.shape == (1, len(console.knobs))
    (settings,) = console.settings(knobs)
    assert list(settings) == console.names
    neutral = {knob.name: knob.neutral for knob in console.knobs}
    assert settings == pytest.approx({**neutral, **given}, rel=1e-5, abs=1e-5)
    both = console.knobs_from([given, {}])
    assert both.shape == (2, len(console.knobs))
    torch.testing.assert_close(both[0], knobs[0])


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert ai_mixer.__version__ == version("ai-mixer")


def test_the_package_has_type_information():
    from importlib.resources import files

    assert (files("ai_mixer") / "py.typed").is_file()
