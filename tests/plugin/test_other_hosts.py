"""Plug-ins in jalv, where they equal the stream, and in qtractor's scanner."""

import ctypes.util
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from ai_mixer.plugin import lv2
from helpers.engine import Job, expected, music
from helpers.measures import residual_db
from helpers.plugins import lv2_environment, off_neutral

pytestmark = pytest.mark.slow  # the plug-in is compiled: 50 s
HERE, JACK_RATE = Path(__file__).parent, 48_000
SCANNER = Path("/usr/lib/x86_64-linux-gnu/qtractor/qtractor_plugin_scan")


@pytest.fixture
def jack():
    """Name of a JACK server without a sound card."""
    if not all(map(shutil.which, ("jackd", "jalv"))):
        pytest.skip("jackd and jalv are not installed")
    name = f"ai_mixer_{os.getpid()}"
    options = ["-d", "dummy", "-r", str(JACK_RATE), "-p", "256"]
    server = subprocess.Popen(
        ["jackd", "-r", "-n", name, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1)
    yield name
    server.terminate()
    server.wait()


@pytest.fixture
def jack_player(tmp_path):
    """A program that plays a file through another client of JACK."""
    library = ctypes.util.find_library("jack")
    if library is None:
        pytest.skip("the library of JACK is not installed")
    program, source = tmp_path / "jack_player", HERE / "jack_player.c"
    flags = ["-std=c11", "-D_DEFAULT_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, source, f"-l:{library}", "-o", program], check=True)
    return program


@pytest.mark.parametrize("console", ["classic", "mastering", "strip"])
def test_jalv_equals_the_stream(jack, jack_player, plugin_build, tmp_path, console):
    plugin, folder = plugin_build(console)
    settings = off_neutral(plugin, 4)
    controls = [
        word
        for label in plugin.labels
        for word in ("-c", f"{lv2.symbol(label.name)}={label.displayed(settings[label.name])!r}")
    ]
    environment = {**lv2_environment(folder / "lv2"), "JACK_DEFAULT_SERVER": jack}
    command = ["jalv", *controls, "-n", "plugin", "-x", plugin.uri]
    commands = [("k", k, settings[name]) for k, name in enumerate(plugin.chain.names)]
    job = Job(JACK_RATE, 2, 128, [*commands, ("p", 3 * JACK_RATE)])
    audio = music(job)
    source, result = tmp_path / "in.f32", tmp_path / "out.f32"
    audio.tofile(source)
    ports = ["input_left", "input_right", "output_left", "output_right"]
    host = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        player = [jack_player, "plugin", source, result, "2", *ports]
        subprocess.run(player, env=environment, check=True, timeout=60)
    finally:
        host.terminate()
        host.communicate()
    played = np.fromfile(result, np.float32).reshape(2, -1)
    assert residual_db(played, expected(plugin.chain, job, audio)) <= -90


@pytest.mark.parametrize("console", ["classic", "strip"])
def test_jalv_shows_all_controls_and_runs(jack, plugin_build, console):
    plugin, folder = plugin_build(console)
    environment = {**lv2_environment(folder / "lv2"), "JACK_DEFAULT_SERVER": jack}
    host = subprocess.Popen(
        ["jalv", plugin.uri],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    time.sleep(3)
    assert host.poll() is None
    host.terminate()
    printed, _ = host.communicate()
    assert f"JACK Name:    {plugin.name}" in printed
    for knob, label in zip(plugin.chain.knobs, plugin.labels, strict=True):
        shown = f"{lv2.symbol(knob.name)} = {label.displayed(knob.neutral):.6f}"
        assert shown in printed, printed


@pytest.mark.skipif(not SCANNER.is_file(), reason="qtractor is not installed")
@pytest.mark.parametrize("console", ["classic", "mastering", "strip"])
def test_scanner_of_qtractor_finds_the_clap(plugin_build, console):
    plugin, folder = plugin_build(console)
    path = folder / "clap" / f"{plugin.name}.clap"
    printed = subprocess.run(
        [SCANNER],
        input=f"CLAP:{path}\n",
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    locks = len({label.group or label.title for label in plugin.labels})
    parameters = len(plugin.labels) + 1 + (locks + 1 if plugin.listens else 0)
    status = int(plugin.listens)  # read only
    assert printed.startswith(f"CLAP|{plugin.name}|2:2|0:0|{parameters}:{status}|"), printed
