"""Plug-ins in jalv and in qtractor's scanner: they load and show their parameters."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ai_mixer.plugin import lv2
from helpers.plugins import lv2_environment

pytestmark = pytest.mark.slow  # the plug-in is compiled: 50 s
SCANNER = Path("/usr/lib/x86_64-linux-gnu/qtractor/qtractor_plugin_scan")


@pytest.fixture
def jack():
    """Name of a JACK server without a sound card."""
    if not all(map(shutil.which, ("jackd", "jalv"))):
        pytest.skip("jackd and jalv are not installed")
    name = f"ai_mixer_{os.getpid()}"
    options = ["-d", "dummy", "-r", "48000", "-p", "256"]
    server = subprocess.Popen(
        ["jackd", "-r", "-n", name, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1)
    yield name
    server.terminate()
    server.wait()


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
    parameters = len(plugin.labels) + 1
    assert printed.startswith(f"CLAP|{plugin.name}|2:2|0:0|{parameters}:0|"), printed
