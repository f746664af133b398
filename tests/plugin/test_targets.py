"""The engine for other machines: equality with the stream under node, qemu and wine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ai_mixer.plugin import toolchain
from ai_mixer.plugin.targets import TARGETS
from helpers.engine import expected, music, random_job
from helpers.measures import residual_db

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not toolchain.has_zig(), reason="pip install 'ai-mixer[engine]': no ziglang"
    ),
]
HERE = Path(__file__).parent
ZIG = [sys.executable, "-m", "ziglang"]
MAGIC = {"elf": b"\x7fELF", "coff": b"MZ", "macho": b"\xcf\xfa\xed\xfe", "wasm": b"\0asm"}


def needs(program, package):
    return pytest.mark.skipif(not shutil.which(program), reason=f"apt install {package}")


def check(console, command, folder, seeds, **environment):
    """Run random jobs by a command and compare with the stream."""
    for seed in seeds:
        job = random_job(console, seed, seconds=0.5)
        audio = music(job, seed)
        files = [folder / name for name in ("job", "input", "output")]
        files[0].write_text(job.text())
        audio.T.tofile(files[1])
        subprocess.run(
            [*command, *(file.name for file in files)],
            cwd=folder,
            check=True,
            env={**os.environ, **environment},
        )
        mix = np.fromfile(files[2], np.float32).reshape(-1, job.channels).T
        assert residual_db(mix, expected(console, job, audio)) <= -100, (seed, job[:3])


@pytest.mark.parametrize("target", TARGETS)
def test_library_is_built_for_every_target(build, target):
    folder, kind = build(target), TARGETS[target].kind
    assert (folder / TARGETS[target].library).read_bytes().startswith(MAGIC[kind])
    files = {"libai_mixer_engine.a", "ai_mixer_engine.h", "knobs.json", "README.md"}
    assert files <= {file.name for file in folder.iterdir()}


@pytest.mark.parametrize("target", ["wasm32", "wasm32-simd"])
@needs("node", "nodejs")
def test_module_without_imports_equals_the_stream(build, console, tmp_path, target):
    module = build(target) / "ai_mixer_engine.wasm"
    check(console, ["node", HERE / "run_engine.mjs", module], tmp_path, range(6))


@needs("qemu-aarch64", "qemu-user")
def test_arm_equals_the_stream(build, console, tmp_path):
    folder, program = build("linux-aarch64"), tmp_path / "program"
    compile_program = [*ZIG, "cc", "-target", "aarch64-linux-musl", "-static", "-O2"]
    sources = [HERE / "run_engine.c", folder / "libai_mixer_engine.a"]
    subprocess.run([*compile_program, f"-I{folder}", *sources, "-o", program], check=True)
    check(console, ["qemu-aarch64", program], tmp_path, range(2))


@needs("wine", "wine64")
def test_windows_equals_the_stream(build, console, tmp_path):
    folder, program = build("windows-x86_64"), tmp_path / "program.exe"
    compile_program = [*ZIG, "cc", "-target", "x86_64-windows-gnu", "-O2"]
    sources = [HERE / "run_engine.c", folder / "ai_mixer_engine.lib"]
    subprocess.run([*compile_program, f"-I{folder}", *sources, "-o", program], check=True)
    shutil.copy(folder / "ai_mixer_engine.dll", tmp_path)
    home = {"WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"}
    check(console, ["wine", program], tmp_path, range(4), **home)
