"""The engine for this machine: equality with stream and offline mix, and the C interface."""

import re
import subprocess

import numpy as np
import psutil
import pytest
import torch

from ai_mixer.config.folder import config_folder
from ai_mixer.core.units import SCALES
from ai_mixer.plugin import toolchain
from ai_mixer.plugin.objects import ALLOWED
from helpers.engine import Engine, Job, expected, music, random_job, run_job
from helpers.measures import residual_db

pytestmark = pytest.mark.slow  # the library is compiled: 50 s
RATE = 44_100
OK, BAD_SAMPLE_RATE, BAD_BLOCK_SIZE, BAD_CHANNELS, _, NO_SUCH_KNOB, NOT_A_NUMBER = range(7)


@pytest.mark.parametrize(
    ("rate", "channels", "block_size"),
    [(8000, 1, 1), (8000, 2, 100), (44_100, 2, 128), (44_100, 1, 512), (96_001, 2, 1024)],
)
def test_equals_the_stream_while_knobs_jump(library, console, rate, channels, block_size):
    job = random_job(console, rate, 0.25, rate, channels, block_size)
    audio = music(job)
    assert residual_db(run_job(library, job, audio), expected(console, job, audio)) <= -110


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1)])
def test_equals_the_offline_mix(library, console, rate, channels):
    knobs = torch.rand(1, len(console.knobs), generator=torch.Generator().manual_seed(rate))
    settings = console.settings(knobs.double())[0]
    audio = music(Job(rate, channels, 128, [("p", rate)]))
    with Engine(library, rate, 128, channels) as engine:
        engine.set_knobs(settings)
        mix = engine.process(np.pad(audio, ((0, 0), (0, engine.latency))))[:, engine.latency :]
    offline = console(torch.from_numpy(audio)[None], rate, knobs)[0]
    assert residual_db(mix[:, : rate // 2], offline[:, : rate // 2]) <= -100


def test_neutral_knobs_delay_only(library):
    audio = 0.5 * music(Job(RATE, 2, 128, [("p", 5000)]))
    with Engine(library, RATE) as engine:
        assert engine.latency == 316
        mix = engine.process(audio)
    assert residual_db(mix[:, 316:], audio[:, :-316]) <= -110
    assert not mix[:, :316].any()


def test_divisions_into_blocks_are_equal(library):
    audio = music(Job(RATE, 2, 64, [("p", 4000)]))
    with Engine(library, RATE, 64) as engine:
        engine.set_knobs({"low_eq": 3.0, "reverb": 0.3})
        whole = engine.process(audio)
    with Engine(library, RATE, 64) as engine:
        engine.set_knobs({"low_eq": 3.0, "reverb": 0.3})
        parts = [engine.process(part) for part in np.split(audio, [0, 1, 1, 7, 100, 163, 3000], 1)]
    assert residual_db(np.concatenate(parts, axis=1), whole) <= -110


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_input_that_is_not_finite_counts_as_silence(library, bad):
    audio = music(Job(RATE, 2, 128, [("p", 3000)]))
    audio[0, 500], audio[1, 1000:1010] = 0.0, 0.0
    outputs = []
    for value in (0.0, bad):
        with np.errstate(over="ignore"):
            audio[0, 500], audio[1, 1000:1010] = value, value
        with Engine(library, RATE) as engine:
            engine.set_knobs({"mid_eq": 6.0, "delay": 0.3})
            outputs.append(engine.process(audio))
    assert np.array_equal(*outputs)


def test_reset_starts_again_with_the_same_knobs(library):
    audio = music(Job(RATE, 2, 128, [("p", 3000)]))
    with Engine(library, RATE) as engine:
        engine.set_knobs({"reverb": 0.5, "delay": 0.4, "compressor_ratio": 4.0})
        first = engine.process(audio)
        engine.set_knobs({"reverb": 0.5})
        engine.reset()
        assert np.array_equal(engine.process(audio), first)


def test_processes_in_place(library):
    audio = music(Job(RATE, 2, 128, [("p", 1000)]))
    with Engine(library, RATE) as engine:
        separate = engine.process(audio)
    with Engine(library, RATE) as engine:
        rows = engine.rows(audio)
        library.ai_mixer_process(engine.handle, rows, rows, audio.shape[1])
    assert np.array_equal(audio, separate)


def test_knob_table_is_that_of_the_console(library, console):
    assert library.ai_mixer_knob_count() == len(console.knobs)
    assert not library.ai_mixer_knob_info(-1)
    assert not library.ai_mixer_knob_info(len(console.knobs))
    for index, knob in enumerate(console.knobs):
        info = library.ai_mixer_knob_info(index).contents
        assert (info.name.decode(), info.unit.decode()) == (knob.name, knob.unit)
        assert (info.min, info.max, info.neutral) == (knob.low, knob.high, knob.neutral)
        assert list(SCALES)[info.scale] == knob.scale


def test_positions_and_values_are_those_of_the_console(library, console):
    for index, knob in enumerate(console.knobs):
        for position in (0.0, 0.3, 1.0):
            value = float(knob.to_physical(torch.tensor(position, dtype=torch.float64)))
            assert library.ai_mixer_knob_value(index, position) == pytest.approx(value, rel=1e-12)
            assert library.ai_mixer_knob_position(index, value) == pytest.approx(position, abs=1e-9)
    assert np.isnan(library.ai_mixer_knob_value(99, 0.5))


def test_knobs_are_limited_to_their_range_and_nan_is_refused(library):
    audio = music(Job(RATE, 2, 128, [("p", 1000)]))
    with Engine(library, RATE) as engine, Engine(library, RATE) as other:
        assert library.ai_mixer_set_knob(engine.handle, 2, np.inf) == OK
        assert library.ai_mixer_set_knob(engine.handle, 2, np.nan) == NOT_A_NUMBER
        assert library.ai_mixer_set_knob(engine.handle, 10, 0.0) == NO_SUCH_KNOB
        other.set_knobs({"low_eq": library.ai_mixer_knob_info(2).contents.max})
        assert np.array_equal(engine.process(audio), other.process(audio))


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        ((7999.0, 128, 2), BAD_SAMPLE_RATE, "sample_rate must be a whole number of 8000-192000 Hz"),
        ((192_001.0, 128, 2), BAD_SAMPLE_RATE, "sample_rate"),
        ((44_100.5, 128, 2), BAD_SAMPLE_RATE, "sample_rate"),
        ((np.nan, 128, 2), BAD_SAMPLE_RATE, "sample_rate"),
        ((np.inf, 128, 2), BAD_SAMPLE_RATE, "sample_rate"),
        ((44_100.0, 0, 2), BAD_BLOCK_SIZE, "block_size must be 1-65536"),
        ((44_100.0, 65_537, 2), BAD_BLOCK_SIZE, "block_size"),
        ((44_100.0, 128, 0), BAD_CHANNELS, "channels must be 1 or 2"),
        ((44_100.0, 128, 3), BAD_CHANNELS, "channels"),
    ],
)
def test_arguments_out_of_range_are_refused_with_a_reason(library, arguments, status, reason):
    assert library.ai_mixer_check(*arguments) == status
    assert library.ai_mixer_create(*arguments) is None
    assert reason in library.ai_mixer_status_text(status).decode()


def test_engines_are_freed(library):
    process, sizes = psutil.Process(), []
    for _ in range(2):
        for rate in (8000, 9000, 10_000) * 5:
            Engine(library, rate).__exit__()
        sizes.append(process.memory_info().rss)
    assert sizes[1] - sizes[0] < 2**20  # one engine takes 2 MiB
    library.ai_mixer_destroy(None)


def test_compiled_code_calls_neither_python_nor_an_allocator(native, tmp_path):
    archive = native / "libai_mixer_engine.a"
    subprocess.run(["ar", "x", archive, "kernels.o"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        ["nm", "--undefined-only", "kernels.o"], cwd=tmp_path, check=True, capture_output=True
    )
    symbols = set(re.findall(r"U (\w+)", listed.stdout.decode()))
    assert {"exp", "log10"} <= symbols
    assert symbols <= ALLOWED


def test_library_has_no_path_of_this_machine(native):
    library = (native / "libai_mixer_engine.so").read_bytes()
    assert b"numba.np" not in library
    assert b".py" not in library
    assert str(toolchain.SOURCES.parent).encode() not in library


def test_shared_library_exports_the_functions_of_the_header_only(native):
    command = ["nm", "--dynamic", "--defined-only", native / "libai_mixer_engine.so"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    exported = {line.split()[-1] for line in listed.stdout.splitlines()}
    assert exported == set(toolchain.exported_functions()) - {"malloc", "free"}


def test_program_of_the_guide_runs(native, tmp_path):
    guide = (config_folder().parent / "docs/guides/engine.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```c\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "program.c").write_text(program)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{native}", f"-L{native}"]
    link = ["program.c", "-lai_mixer_engine", f"-Wl,-rpath,{native}", "-o", "program"]
    subprocess.run(["gcc", *flags, *link], cwd=tmp_path, check=True)
    printed = subprocess.run(tmp_path / "program", capture_output=True, text=True, check=True)
    assert "2 low_eq -6-6 dB\n" in printed.stdout
    assert printed.stdout.endswith("336 samples late\n")


def test_header_is_valid_for_old_c_and_for_cpp(native, tmp_path):
    source = tmp_path / "program.c"
    source.write_text('#include "ai_mixer_engine.h"\nint main(void) { return 0; }\n')
    for language in ("-xc -std=c99", "-xc++ -std=c++11"):
        flags = [*language.split(), "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        subprocess.run(["gcc", *flags, f"-I{native}", source], check=True)
