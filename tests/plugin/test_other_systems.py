"""Plug-ins for Windows under wine, and those for macOS, which are linked only."""

import plistlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ai_mixer.plugin import toolchain
from ai_mixer.plugin.identity import parameter_id
from helpers.engine import Job, expected, music, random_job
from helpers.measures import residual_db
from helpers.plugins import SOURCES, Host

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not toolchain.has_zig(), reason="pip install 'ai-mixer[engine]': no ziglang"
    ),
]


@pytest.mark.skipif(shutil.which("wine") is None, reason="wine is not installed")
@pytest.mark.parametrize("kind", ["clap", "vst3"])
def test_windows_equals_the_stream(plugin_build, headers, tmp_path, monkeypatch, kind):
    plugin, folder = plugin_build("classic", "windows-x86_64")
    bundle = folder / kind / f"{plugin.name}.{kind}"
    library = bundle / "Contents" / "x86_64-win" / bundle.name if kind == "vst3" else bundle
    program = tmp_path / "host.exe"
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-O1"]
    flags = ["-std=c11", "-fms-extensions", "-Wno-microsoft-anon-tag", "-isystem", headers]
    subprocess.run([*command, *flags, SOURCES / f"{kind}_host.c", "-o", program], check=True)
    monkeypatch.setenv("WINEPREFIX", str(tmp_path / "wine"))
    monkeypatch.setenv("WINEDEBUG", "-all")
    host = Host(["wine", program, library], plugin, kind, tmp_path)
    for rate, channels in ((44_100, 2), (48_000, 1)):
        job = random_job(plugin.chain, rate, 0.3, rate, channels, 128)
        audio = music(job)
        wanted = expected(plugin.chain, job, audio)
        assert residual_db(host.play_job(job, plugin.chain, audio), wanted) <= -110
    if kind == "clap":
        listen, status = parameter_id("listen"), parameter_id("listen_status")
        commands = [f"event 0 {listen} 1", "process 8", "main", f"get {status}"]
        shown = host.play(np.zeros((2, 8), np.float32), 2, commands, 44_100)[1]
        assert host.run([f"text {status} {shown[0]}"]) == ["Not on Windows"]
    state, audio = tmp_path / "state", music(Job(44_100, 2, 128, [("p", 4000)]))
    set_first = [host.event("low_eq", 3.3), "process 4000", f"save {state}"]
    first, _ = host.play(audio, 2, set_first, 44_100)
    second, _ = host.play(audio, 2, ["process 4000"], 44_100, before=[f"load {state}"])
    assert (first == second).all()


@pytest.mark.parametrize("target", ["macos-x86_64", "macos-aarch64"])
def test_macos_bundles_are_linked(plugin_build, target):
    plugin, folder = plugin_build("classic", target)
    for kind in ("vst3", "clap"):
        contents = folder / kind / f"{plugin.name}.{kind}" / "Contents"
        with (contents / "Info.plist").open("rb") as file:
            described = plistlib.load(file)
        binary = contents / "MacOS" / described["CFBundleExecutable"]
        assert binary.read_bytes()[:4] == b"\xcf\xfa\xed\xfe"  # 64-bit Mach-O
    assert "never run" in (folder / "README.md").read_text()
