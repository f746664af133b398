"""LV2 plug-ins in lv2apply and jalv, hosts that are not ours, and the validator of the standard."""

import shutil
import subprocess

import pytest
import soundfile

from ai_mixer.plugin import lv2
from helpers.engine import Job, expected, music
from helpers.measures import residual_db
from helpers.plugins import lv2_environment, off_neutral

pytestmark = pytest.mark.slow  # the plug-in is compiled: 50 s
RATE = 44_100
CONSOLES = ["classic", "mastering", "strip", "reverb", "delay"]


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def run(command, folder):
    return subprocess.run(
        command, env=lv2_environment(folder), capture_output=True, text=True, check=True
    )


@needs("sord_validate")
@needs("lv2_validate")
@pytest.mark.parametrize("console", CONSOLES)
def test_bundle_is_valid(plugin_build, console):
    _, folder = plugin_build(console)
    files = sorted((folder / "lv2").rglob("*.ttl"))
    assert len(files) == 2
    result = run(["lv2_validate", *files], folder / "lv2")
    printed = result.stdout + result.stderr
    assert "Found 0 errors" in printed, printed
    assert "warning" not in printed, printed


@needs("lv2apply")
@pytest.mark.parametrize(
    ("console", "rate", "channels"),
    [
        ("classic", 44_100, 2),
        ("classic", 48_000, 1),
        ("mastering", 96_000, 2),
        ("strip", 44_100, 2),
    ],
)
def test_lv2apply_equals_the_stream(plugin_build, tmp_path, console, rate, channels):
    plugin, folder = plugin_build(console)
    settings = off_neutral(plugin, 4)
    commands = [("k", k, settings[name]) for k, name in enumerate(plugin.chain.names)]
    job = Job(rate, channels, 128, [*commands, ("p", rate)])
    audio = music(job)
    soundfile.write(tmp_path / "in.wav", audio.T, rate, "FLOAT")
    controls = [
        word
        for label in plugin.labels
        for word in ("-c", lv2.symbol(label.name), repr(label.displayed(settings[label.name])))
    ]
    uri = plugin.uri + (":mono" if channels == 1 else "")
    files = ["-i", tmp_path / "in.wav", "-o", tmp_path / "out.wav"]
    run(["lv2apply", *files, *controls, uri], folder / "lv2")
    played, _ = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)
    assert residual_db(played.T, expected(plugin.chain, job, audio)) <= -90


@needs("lv2info")
@pytest.mark.parametrize("console", CONSOLES)
def test_hosts_find_all_configurations(plugin_build, console):
    plugin, folder = plugin_build(console)
    for channels in lv2.CONFIGS:
        printed = run(["lv2info", plugin.uri + channels.suffix], folder / "lv2").stdout
        assert f"Name:              {plugin.name}{channels.title}" in printed
        assert "Has latency:       yes" in printed
        assert printed.count("AudioPort") == channels.inputs + channels.outputs
