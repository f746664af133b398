"""Presets and projects of a mix in hosts: they give the mix."""

import subprocess
import zipfile
from xml.etree import ElementTree as Xml

import numpy as np
import pedalboard
import pytest
import soundfile

from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.mix_console import named_console
from ai_mixer.mixing.paths import result_files
from ai_mixer.mixing.preset import single_section_preset
from ai_mixer.plugin.daw_files import daw_folder, write_daw_files
from ai_mixer.plugin.identity import load_plugin
from helpers.engine import Job, music
from helpers.measures import residual_db
from helpers.plugins import lv2_environment, off_neutral

pytestmark = pytest.mark.slow  # the plug-in is compiled: 50 s
RATE = 44_100


@pytest.fixture
def mixed(tmp_path):
    """A function: console → result of a mix with quiet peaks, and the folder for DAWs."""

    def made(console):
        audio = 0.05 * music(Job(RATE, 2, 128, [("p", 3 * RATE)]))
        soundfile.write(tmp_path / "song.wav", audio.T, RATE, "FLOAT")
        plugin = load_plugin(console)
        settings = off_neutral(plugin, 6)
        preset = single_section_preset(settings, console=named_console(console))
        files = result_files(tmp_path / "mix.wav", write_sidecars=False)
        result = AudioMixer().mix_file(tmp_path / "song.wav", files, preset=preset)
        assert result.delivered.reduction_db == 0.0
        write_daw_files(result)
        wanted, _ = soundfile.read(result.output, dtype="float32")
        return plugin, audio, wanted.T, daw_folder(result.output)

    return made


@pytest.mark.parametrize("console", ["classic", "mastering"])
def test_the_numbers_of_a_dawproject_give_the_mix(mixed, hosted, console, tmp_path):
    """State of the plug-in in a bare host, times the fader."""
    plugin, audio, wanted, folder = mixed(console)
    with zipfile.ZipFile(folder / "mix.dawproject") as archive:
        project = Xml.fromstring(archive.read("project.xml"))
        fader = float(project.find(".//Channel[@role='regular']/Volume").get("value"))
    latency = plugin.chain.stream(RATE, 128, channels=2).latency_samples
    padded = np.pad(audio, ((0, 0), (0, latency)))
    state = folder / "mix.clap-state"
    commands = [f"process {padded.shape[1]}"]
    played, printed = hosted(console).play(padded, 2, commands, RATE, before=[f"load {state}"])
    assert printed == ["loaded"]
    assert residual_db(fader * played[:, latency:], wanted) <= -90


@pytest.mark.parametrize("console", ["classic", "mastering"])
def test_vstpreset_loads_in_pedalboard(mixed, plugin_build, console):
    plugin, audio, wanted, folder = mixed(console)
    _, built = plugin_build(console)
    vst3 = pedalboard.load_plugin(str(built / "vst3" / f"{plugin.name}.vst3"))
    vst3.load_preset(str(folder / "mix.vstpreset"))
    played = vst3.process(audio, RATE, reset=True)
    length = played.shape[1] - vst3.reported_latency_samples
    gain = np.abs(wanted[:, :length]).max() / np.abs(played[:, :length]).max()
    assert residual_db(gain * played[:, :length], wanted[:, :length]) <= -90


def test_lv2_preset_is_listed_and_valid(mixed, plugin_build, tmp_path):
    plugin, _, _, folder = mixed("classic")
    _, built = plugin_build("classic")
    (tmp_path / "lv2").symlink_to(built / "lv2")
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    for bundle in (*(built / "lv2").iterdir(), folder / "mix.lv2"):
        (bundles / bundle.name).symlink_to(bundle)
    command = ["lv2info", plugin.uri]
    environment = lv2_environment(bundles)
    printed = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert (
        "Presets: \n\t\t mix" in printed or "mix" in printed.split("Presets:")[1].split("Port")[0]
    )
    files = [*(folder / "mix.lv2").iterdir(), *(built / "lv2").rglob("*.ttl")]
    result = subprocess.run(["lv2_validate", *files], capture_output=True, text=True, check=False)
    assert "Found 0 errors" in result.stdout + result.stderr, result.stderr
