"""The engine of the page: it has the sound of `console.stream`, and it is small."""

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import ai_mixer.app
from ai_mixer.app.build_engine import build_module
from ai_mixer.app.build_page import build_page, source_digest
from ai_mixer.app.engine import (
    CONSOLE_NAMES,
    ENGINE_NAMES,
    console_chain,
    described_console,
    room_spectra,
)
from ai_mixer.mixing.console_cache import shared_console
from ai_mixer.plugin import toolchain
from helpers.engine import expected, music, random_job
from helpers.measures import residual_db

STATIC = Path(ai_mixer.app.__file__).parent / "static"
PROGRAM = Path(__file__).parents[1] / "plugin" / "run_engine.mjs"
REDUCTIONS = ("limiter", "compressor", "low band", "mid band", "high band")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
MAX_ENGINE_BYTES, MAX_SCRIPT_BYTES = 150_000, 300_000  # compressed


def run_in_node(module, name, job, audio, folder):
    files = [folder / file for file in ("job", "input", "output", "rooms")]
    files[0].write_text(job.text())
    files[1].write_bytes(np.ascontiguousarray(audio.T).tobytes())
    files[3].write_bytes(room_spectra(name))
    command = ["node", str(PROGRAM), str(module), *map(str, files)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return np.fromfile(files[2], np.float32).reshape(-1, job.channels).T


@needs_node
@pytest.mark.parametrize("name", CONSOLE_NAMES)
def test_the_engine_of_the_page_nulls_to_the_live_console(name, tmp_path):
    console = shared_console(name)
    job = random_job(console, seed=1, seconds=0.5, rate=44_100, channels=2, block_size=128)
    audio = music(job)
    audible = run_in_node(STATIC / f"{name}.wasm", name, job, audio, tmp_path)
    assert residual_db(audible, expected(console, job, audio)) < -90


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("name", ENGINE_NAMES)
@pytest.mark.parametrize("rate", [8000, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_engine_of_the_page_nulls_at_other_rates(name, rate, channels, tmp_path):
    console = console_chain(name)
    job = random_job(console, seed=rate, seconds=2, rate=rate, channels=channels, block_size=128)
    audio = music(job, seed=1)
    audible = run_in_node(STATIC / f"{name}.wasm", name, job, audio, tmp_path)
    assert residual_db(audible, expected(console, job, audio)) < -90


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_an_engine_is_small(name):
    assert len(gzip.compress((STATIC / f"{name}.wasm").read_bytes())) < MAX_ENGINE_BYTES


def test_the_scripts_are_small_and_the_page_loads_nothing_from_elsewhere():
    scripts = b"".join(file.read_bytes() for file in sorted(STATIC.glob("*.js")))
    assert len(gzip.compress(scripts)) < MAX_SCRIPT_BYTES
    for file in STATIC.iterdir():
        if file.suffix in {".js", ".css", ".html"}:
            text = file.read_text(encoding="utf-8")
            assert "https://" not in text
            assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_the_built_page_is_that_of_the_sources():
    built = (STATIC / "sources.sha256").read_text().strip()
    assert built == source_digest(), "the page has changed: make app-page"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs node and npm")
def test_building_the_page_again_gives_the_same_files(tmp_path):
    build_page(tmp_path)
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (STATIC / file.name).read_bytes(), file.name


@pytest.mark.slow
@pytest.mark.skipif(not toolchain.has_zig(), reason="needs the extra `engine`")
@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_building_the_engine_again_gives_the_same_module(name, tmp_path):
    out = tmp_path / f"{name}.wasm"
    build_module(name, described_console(name), out, tmp_path / "cache")
    assert out.read_bytes() == (STATIC / out.name).read_bytes()


@needs_node
@pytest.mark.parametrize(
    ("console", "settings", "reduced", "tolerance_db"),
    [
        ("classic", {"compressor_ratio": 4.0}, "compressor", 0.1),
        ("classic", {"output_level": 3.0}, "limiter", 0.1),
        ("mastering", {"compressor_ratio": 3.0}, "compressor", 0.1),
        ("mastering", {"mid_band_ratio": 1.5}, "mid band", 1.0),  # the other bands overlap it
    ],
)
def test_the_meters_show_the_gain_reduction_of_a_tone(console, settings, reduced, tolerance_db):
    knobs = shared_console(console).names
    arguments = [f"{knobs.index(name)}={value}" for name, value in settings.items()]
    program = Path(__file__).with_name("reductions.mjs")
    command = ["node", str(program), str(STATIC / f"{console}.wasm"), *arguments]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    reductions = dict(zip(REDUCTIONS, found["reductions"], strict=True))
    applied_db = 20 * np.log10(settings.get("output_level", 1.0))
    assert reductions[reduced] > 1
    assert applied_db - reductions[reduced] == pytest.approx(found["gain"], abs=tolerance_db)
    others = [db for name, db in reductions.items() if name != reduced]
    assert others == pytest.approx([0.0] * 4, abs=0.05)


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("what", [*CONSOLE_NAMES, "16", "64"])  # consoles, numbers of tracks
def test_the_audio_callback_takes_less_than_half_of_a_block(what, tmp_path):
    """Engines, delays, meters, with knobs that move, in processor time."""
    for name in ENGINE_NAMES:
        shutil.copy(STATIC / f"{name}.wasm", tmp_path)
        (tmp_path / f"{name}.rooms").write_bytes(room_spectra(name))
    program, worklet = Path(__file__).with_name("callback.mjs"), str(STATIC / "worklet.js")
    result = subprocess.run(
        ["node", str(program), worklet, str(tmp_path), what, "120"],
        check=True,
        capture_output=True,
        timeout=600,
    )
    shares = json.loads(result.stdout)
    print(what, shares)
    assert shares["highest"] < 0.5
