"""Random jobs under the address sanitizer, under valgrind and with checked indices: no finding."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ai_mixer.plugin import toolchain
from ai_mixer.plugin.build import compile_objects, lowered_console
from helpers.engine import music, random_job

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
SANITIZER = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def with_extremes(audio, seed):
    """Put NaN, infinities, denormal and huge numbers and silence in the audio."""
    random = np.random.default_rng(seed)
    values = np.array([np.nan, np.inf, -np.inf, 1e-40, 1e-30, 3e38, -3e38, 0.0], np.float32)
    for value in values:
        for start in random.integers(0, max(1, audio.shape[1]), 3):
            audio[:, start : start + random.integers(1, 50)] = value
    return audio


def run_jobs(console, command, folder, seeds, seconds):
    for seed in seeds:
        job = random_job(console, seed, seconds)
        job.commands.insert(3, ("k", 2, "nan"))
        job.commands.insert(5, ("k", 99, "1"))
        job.commands.insert(7, ("k", 1, "inf"))
        files = [folder / name for name in ("job", "input", "output")]
        files[0].write_text(job.text())
        with_extremes(music(job, seed), seed).T.tofile(files[1])
        result = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
        assert result.returncode == 0, (seed, job[:3], result.stderr[-3000:])
        mix = np.fromfile(files[2], np.float32)
        assert len(mix) == job.samples * job.channels
        assert np.isfinite(mix).all()
        assert np.abs(mix).max() <= 1.0  # of the limiter


def test_address_sanitizer_finds_nothing(native, choice, cache, console, tmp_path):
    name, program = toolchain.native_target(), tmp_path / "program"
    lowered = lowered_console(choice.description, cache)
    objects = compile_objects(choice, name, lowered, tmp_path, SANITIZER)
    sources = [HERE / "run_engine.c", *objects]
    command = ["gcc", *SANITIZER, f"-I{toolchain.SOURCES}", *sources, "-lm", "-o", program]
    subprocess.run(command, check=True)
    run_jobs(console, [program], tmp_path, range(40), 0.3)


@pytest.mark.skipif(not shutil.which("valgrind"), reason="apt install valgrind")
def test_valgrind_finds_neither_errors_nor_leaks(native, console, tmp_path):
    program = tmp_path / "program"
    sources = [HERE / "run_engine.c", native / "libai_mixer_engine.a"]
    subprocess.run(["gcc", "-g", f"-I{native}", *sources, "-lm", "-o", program], check=True)
    flags = ["--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=all"]
    run_jobs(console, ["valgrind", *flags, program], tmp_path, range(6), 0.1)


CHECKED = """
import numpy as np
from ai_mixer.console import load_console
from helpers.engine import expected, music, random_job
console = load_console("classic", ranges="wide")
for seed in range(6):
    job = random_job(console, seed, 0.2)
    assert np.isfinite(expected(console, job, music(job, seed))).all()
"""


def test_no_index_of_the_compiled_functions_is_out_of_range(tmp_path):
    """The same functions, compiled with numba's test of each index."""
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), *sys.path])
    subprocess.run([sys.executable, "-c", CHECKED], env=environment, check=True)
