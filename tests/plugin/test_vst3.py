"""VST3 plug-ins in pedalboard, a host that is not ours: equality with the stream, state, texts."""

import numpy as np
import pedalboard
import pytest
import torch

from helpers.engine import Job, expected, music
from helpers.measures import residual_db
from helpers.plugins import off_neutral

pytestmark = pytest.mark.slow  # the plug-in is compiled: 50 s
RATE = 44_100


@pytest.fixture
def vst3(plugin_build):
    """A function: console → its plug-in, and the VST3 in pedalboard."""

    def loaded(console="classic"):
        plugin, folder = plugin_build(console)
        return plugin, pedalboard.load_plugin(str(folder / "vst3" / f"{plugin.name}.vst3"))

    return loaded


def parameters_by_title(hosted):
    return {parameter.name: parameter for parameter in hosted.parameters.values()}


def turn(plugin, hosted, settings):
    """Set the parameters of the plug-in to settings in units."""
    parameters = parameters_by_title(hosted)
    for knob, label in zip(plugin.chain.knobs, plugin.labels, strict=True):
        value = torch.tensor(settings[knob.name], dtype=torch.float64)
        parameters[label.title].raw_value = float(knob.to_position(value))


def stream_of(plugin, settings, audio, rate):
    """The output of `console.stream`, without its latency: what a host that compensates plays."""
    latency = plugin.chain.stream(rate, 128, channels=len(audio)).latency_samples
    padded = np.pad(audio, ((0, 0), (0, latency)))
    commands = [("k", k, settings[name]) for k, name in enumerate(plugin.chain.names)]
    job = Job(rate, len(audio), 128, [*commands, ("p", padded.shape[1])])
    return expected(plugin.chain, job, padded)[:, latency:], latency


@pytest.mark.parametrize(
    ("console", "rate", "block", "channels"),
    [
        ("classic", 44_100, 512, 2),
        ("classic", 44_100, 1, 2),
        ("classic", 48_000, 8192, 2),
        ("classic", 96_000, 100, 2),
        ("classic", 44_100, 512, 1),
        ("mastering", 48_000, 512, 2),
        ("strip", 44_100, 333, 2),
    ],
)
def test_equals_the_stream(vst3, console, rate, block, channels):
    plugin, hosted = vst3(console)
    settings = off_neutral(plugin)
    audio = music(Job(rate, channels, 128, [("p", rate // (8 if block == 1 else 1))]))
    turn(plugin, hosted, settings)
    played = hosted.process(audio, rate, buffer_size=block, reset=True)
    wanted, latency = stream_of(plugin, settings, audio, rate)
    assert hosted.reported_latency_samples == latency
    length = played.shape[1] - latency  # pedalboard leaves out the end
    assert length > rate // 10
    assert residual_db(played[:, :length], wanted[:, :length]) <= -90


def test_state_of_one_instance_sets_another(vst3):
    plugin, hosted = vst3()
    settings = off_neutral(plugin, 2)
    audio = music(Job(RATE, 2, 128, [("p", RATE)]))
    turn(plugin, hosted, settings)
    _, other = vst3()
    other.raw_state = hosted.raw_state
    first = hosted.process(audio, RATE, reset=True)
    assert np.array_equal(other.process(audio, RATE, reset=True), first)
    wanted, _ = stream_of(plugin, settings, audio, RATE)
    assert residual_db(first[:, :20_000], wanted[:, :20_000]) <= -90
    for name, parameter in other.parameters.items():
        assert parameter.raw_value == pytest.approx(hosted.parameters[name].raw_value, abs=1e-6)


def test_state_that_is_not_one_changes_nothing(vst3):
    _, hosted = vst3()
    hosted.parameters["low_eq"].raw_value = 0.75
    random = np.random.default_rng(5)
    state = hosted.raw_state
    for _ in range(200):
        changed = bytearray(state)
        for _ in range(20):
            changed[random.integers(len(changed))] = random.integers(256)
        hosted.raw_state = bytes(changed)
        hosted.raw_state = random.bytes(int(random.integers(1, 3000)))
        assert 0.0 <= hosted.parameters["low_eq"].raw_value <= 1.0
    hosted.raw_state = state
    assert hosted.parameters["low_eq"].raw_value == 0.75


def test_parameters_have_units_texts_and_neutral_defaults(vst3):
    plugin, hosted = vst3("mastering")
    parameters = parameters_by_title(hosted)
    assert list(parameters) == [*(label.title for label in plugin.labels), "Bypass"]
    for knob, label in zip(plugin.chain.knobs, plugin.labels, strict=True):
        assert parameters[label.title].raw_value == pytest.approx(knob.neutral_position, abs=1e-6)
    frequency, gain = parameters["Band 1 frequency"], parameters["Band 1 gain"]
    assert str(gain.string_value) == "0.0 dB"
    assert gain.get_raw_value_for_text("3,0 dB") == pytest.approx(0.75)
    assert frequency.string_value == "140 Hz"
    assert frequency.get_raw_value_for_text("0.14 kHz") == pytest.approx(frequency.raw_value)


def test_bypass_is_the_input(vst3):
    plugin, hosted = vst3()
    turn(plugin, hosted, off_neutral(plugin))
    parameters_by_title(hosted)["Bypass"].raw_value = 1.0
    audio = music(Job(RATE, 2, 128, [("p", RATE)]))
    played = hosted.process(audio, RATE, reset=True)
    assert np.array_equal(played[:, 1000:40_000], audio[:, 1000:40_000])
