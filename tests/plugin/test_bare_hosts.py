"""CLAP and VST3 plug-ins in bare hosts of ours: equality with the stream, automation, state."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from ai_mixer.plugin import bundles, toolchain
from ai_mixer.plugin.identity import parameter_id
from ai_mixer.plugin.targets import TARGETS
from helpers.engine import Job, expected, music, random_job
from helpers.measures import residual_db
from helpers.plugins import GRID

pytestmark = pytest.mark.slow  # the plug-in is compiled: 50 s
RATE = 44_100
CONSOLES = ["classic", "mastering", "strip", "reverb", "delay"]


def settings_commands(host, settings):
    return [host.event(name, value) for name, value in settings.items()]


@pytest.mark.parametrize("console", CONSOLES)
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (96_000, 2), (8000, 2)])
def test_equals_the_stream_while_knobs_jump(hosted, console, rate, channels):
    host = hosted(console)
    chain = host.plugin.chain
    job = random_job(chain, rate, 0.3, rate, channels, 128)
    audio = music(job)
    assert residual_db(host.play_job(job, chain, audio), expected(chain, job, audio)) <= -110


def test_events_in_a_block_apply_within_32_samples(hosted):
    """200 jumps at random samples of blocks of 2048."""
    host, random = hosted(), np.random.default_rng(7)
    chain = host.plugin.chain
    commands, parts = [], []
    for _ in range(20):
        times = np.sort(random.integers(0, 2048, 10))
        start = 0
        for time in times:
            knob = int(random.integers(len(chain.knobs)))
            low, high = chain.knobs[knob].low, chain.knobs[knob].high
            value = float(low + random.random() * (high - low))
            commands.append(host.event(chain.names[knob], value, int(time)))
            cell = int(time) // GRID * GRID
            parts += [("p", cell - start), ("k", knob, value)]
            start = cell
        parts.append(("p", 2048 - start))
        commands.append("process 2048")
    job = Job(RATE, 2, 128, parts)
    audio = music(job)
    played, _ = host.play(audio, 2, commands, RATE)
    assert residual_db(played, expected(chain, job, audio)) <= -110


def test_mono_to_stereo_is_stereo_of_two_equal_channels(hosted):
    host = hosted("strip")
    audio = music(Job(RATE, 1, 128, [("p", 8000)]))
    commands = [*settings_commands(host, {"pan": -0.4, "peak1_db": 5.0}), "process 8000"]
    wide, _ = host.play(audio, 2, commands, RATE)
    stereo, _ = host.play(np.repeat(audio, 2, axis=0), 2, commands, RATE)
    assert np.array_equal(wide, stereo)
    assert not np.array_equal(wide[0], wide[1])


def test_bypass_is_the_input_with_the_same_latency_and_fades(hosted):
    host = hosted()
    audio = music(Job(RATE, 2, 128, [("p", 20_000)]))
    settings = settings_commands(host, {"input_gain": 2.0, "low_eq": 6.0})
    on = [*settings, "process 10000", host.event("bypass", 1), "process 10000"]
    played, _ = host.play(audio, 2, on, RATE)
    without, _ = host.play(audio, 2, [*settings, "process 20000"], RATE)
    assert np.array_equal(played[:, :10_000], without[:, :10_000])
    assert np.array_equal(played[:, 10_442:], audio[:, 10_442 - 316 : -316])
    assert not np.array_equal(played[:, 10_100], audio[:, 10_100 - 316])  # 10 ms of fade


def test_state_of_the_middle_of_a_song_loads(hosted, tmp_path):
    """Saved with one setting; loaded after another one, it sounds as if that had been set."""
    host = hosted()
    chain, state = host.plugin.chain, tmp_path / "state"
    first = {"low_eq": 3.3, "reverb": 0.2, "compressor_ratio": 3.0, "input_gain": 1.3}
    second = {"low_eq": -5.0, "reverb": 0.0, "compressor_ratio": 1.0, "presence": 0.7}
    index = chain.names.index
    parts = [
        *[("k", index(name), value) for name, value in first.items()],
        ("p", 6000),
        *[("k", index(name), value) for name, value in second.items()],
        ("p", 6000),
        *[("k", index(name), value) for name, value in {**first, "presence": 1.0}.items()],
        ("p", 6000),
    ]
    commands = [
        *settings_commands(host, first),
        "process 6000",
        f"save {state}",
        *settings_commands(host, second),
        "process 6000",
        f"load {state}",
        "process 6000",
    ]
    job = Job(RATE, 2, 128, parts)
    audio = music(job)
    played, printed = host.play(audio, 2, commands, RATE)
    assert printed == ["loaded"]
    assert residual_db(played, expected(chain, job, audio)) <= -110
    fresh, _ = host.play(audio, 2, ["process 18000"], RATE, before=[f"load {state}"])
    same, _ = host.play(audio, 2, [*settings_commands(host, first), "process 18000"], RATE)
    assert np.array_equal(fresh, same)


def test_other_bytes_than_a_state_are_refused(hosted, tmp_path):
    host, random = hosted(), np.random.default_rng(3)
    low, neutral, high = (host.number("low_eq", value) for value in (-6.0, 0.0, 6.0))
    state = tmp_path / "state"
    host.run([host.event("low_eq", 2.0), f"save {state}"])
    valid = state.read_bytes()
    assert valid.startswith(b"ai_mixer 1 classic\n")
    refused = {
        "empty": b"",
        "console": valid.replace(b"classic", b"mastering"),
        "version": valid.replace(b"ai_mixer 1", b"ai_mixer 9"),
        "nan": valid.replace(b"low_eq 0", b"low_eq nan"),
        "infinite": valid.replace(b"low_eq 0", b"low_eq inf"),
        "cut": valid[:-1],
        "line": valid + b"x" * 300 + b"\n",
        "zero": valid.replace(b"low_eq", b"low\0eq"),
        "large": valid + b"a 1\n" * 20_000,
    }
    for number in range(300):  # random bytes, and valid states with some bytes changed
        noise = bytearray(random.bytes(int(random.integers(1, 2000))))
        changed = bytearray(valid)
        for _ in range(int(random.integers(1, 9))):
            changed[random.integers(len(changed))] = random.integers(256)
        refused[f"noise {number}"] = bytes(noise)
        refused[f"changed {number}"] = bytes(changed)
    commands = []
    for number, content in enumerate(refused.values()):
        (tmp_path / f"{number}").write_bytes(content)
        commands += [f"load {tmp_path / str(number)}", f"get {parameter_id('low_eq')}"]
    answers = dict(zip(refused, zip(*[iter(host.run(commands))] * 2, strict=True), strict=True))
    assert float(answers["cut"][1]) == neutral
    for name, (verdict, value) in answers.items():
        assert low <= float(value) <= high
        if not name.startswith("changed"):
            assert verdict == "refused", name


def test_values_out_of_range_in_a_state_are_set_to_the_ends(hosted, tmp_path):
    (tmp_path / "state").write_text("ai_mixer 1 classic\nlow_eq 99\nunknown 3\n")
    commands = [f"load {tmp_path / 'state'}", f"get {parameter_id('low_eq')}"]
    host = hosted()
    verdict, value = host.run(commands)
    assert verdict == "loaded"
    assert float(value) == host.number("low_eq", 6.0)


def test_silence_gives_silence_and_tails_end(hosted):
    host = hosted()
    settings = settings_commands(host, {"reverb": 0.6, "delay": 0.5})
    audio = np.zeros((2, 10 * RATE), np.float32)
    played, _ = host.play(audio, 2, [*settings, f"process {10 * RATE}"], RATE)
    assert not played.any()
    audio[:, :1000] = 0.5
    played, _ = host.play(audio, 2, [*settings, f"process {10 * RATE}"], RATE)
    assert np.abs(played[:, RATE : 2 * RATE]).max() > 1e-4
    assert np.abs(played[:, -RATE:]).max() < 1e-3 * np.abs(played).max()


def test_text_and_values(hosted):
    host = hosted("mastering")
    low, ratio = parameter_id("band1_frequency"), parameter_id("compressor_ratio")
    gain = parameter_id("band1_gain")
    printed = host.run(
        [
            f"text {gain} {host.number('band1_gain', -2.5)}",
            f"value {gain} -2,5 dB",
            f"value {gain} loud",
            f"text {low} {host.number('band1_frequency', 150.0)}",
            f"value {low} 0.15 kHz",
            f"text {ratio} {host.number('compressor_ratio', 2.0)}",
            f"text {parameter_id('bypass')} 1",
        ]
    )
    assert printed[0] == "-2.5 dB"
    assert float(printed[1]) == pytest.approx(host.number("band1_gain", -2.5), abs=1e-9)
    assert printed[2] == "refused"
    assert printed[3] == "150 Hz"
    assert float(printed[4]) == pytest.approx(host.number("band1_frequency", 150.0), abs=1e-9)
    assert printed[5:] == ["2.00:1", "On"]


@pytest.mark.parametrize("console", CONSOLES)
def test_parameters_are_the_knobs_at_neutral(hosted, console):
    host = hosted(console)
    lines = [line.removeprefix("parameter ").split("|") for line in host.run(["list"])[2:]]
    titles = [*(label.title for label in host.plugin.labels), "Bypass"]
    assert [line[1] for line in lines[: len(titles)]] == titles
    assert {line[2] for line in lines[len(titles) :]} <= {"Listen"}
    for line, knob, label in zip(lines, host.plugin.chain.knobs, host.plugin.labels, strict=False):
        assert int(line[0]) == parameter_id(knob.name)
        assert line[2] == label.group
        assert float(line[5]) == pytest.approx(host.number(knob.name, knob.neutral), abs=1e-9)
        assert float(line[3]) == pytest.approx(host.number(knob.name, knob.low), abs=1e-9)
        assert float(line[4]) == pytest.approx(host.number(knob.name, knob.high), abs=1e-9)


def test_rates_that_the_engine_refuses(hosted):
    assert hosted().run(["start 384000 64"]) == ["not active"]


def test_ten_thousand_instances_leave_no_memory(hosted):
    host = hosted()
    few, many = (int(line) for line in host.run(["reopen 1000", "memory", "reopen 9000", "memory"]))
    assert many - few < 1024  # KiB


def test_blocks_allocate_no_memory(hosted):
    """With events, a loaded state, a bypass and tails."""
    host = hosted()
    random, commands = np.random.default_rng(2), []
    for number in range(50):
        names = random.choice(host.plugin.chain.names, 3)
        knobs = [host.plugin.chain.knobs[host.plugin.chain.names.index(name)] for name in names]
        commands += [host.event(k.name, k.high, int(random.integers(500))) for k in knobs]
        commands += [host.event("bypass", number % 7 == 0), "process 500"]
    audio = music(Job(RATE, 2, 128, [("p", 25_000)]))
    _, printed = host.play(audio, 2, [*commands, "allocations"], RATE)
    assert printed == ["0"]


def needed(file, *options):
    """Functions that an object file or a library needs of others."""
    command = ["nm", *options, "--undefined-only", file]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in listed.splitlines() if " U " in line}


BLOCKING = re.compile(
    r"pthread|mutex|sem_|open|^read$|write|std|_Z|Py|NRT|dl(open|sym)|time|sleep|socket|connect|poll"
    r"|^send$|recv|fcntl|sig|close"
)
WORKER = ("listen_worker.c", "listen_client.c")  # the only files that may wait


def test_only_the_worker_needs_what_blocks_an_audio_thread(headers, tmp_path):
    """Neither locks, threads, files, sockets nor a C++ library in the other files."""
    target = toolchain.native_target()
    found = {}
    for name in (*bundles.SOURCES, "engine.c"):
        out = toolchain.compile_c(
            toolchain.SOURCES / name,
            tmp_path / f"{name}.o",
            target,
            TARGETS[target],
            (*bundles.FLAGS, "-isystem", str(headers)),
        )
        found[name] = {each for each in needed(out) if BLOCKING.search(each)}
    assert {name for name, names in found.items() if names} == set(WORKER)
    assert "pthread_create" in found["listen_worker.c"]


def test_library_shows_only_its_entry_points(hosted):
    library = hosted().command[1]
    names = needed(library, "--dynamic")
    assert {"malloc", "calloc", "free"} & names
    assert not [name for name in names if re.search(r"mutex|sem_|std|_Z|Py|NRT|dl(open|sym)", name)]
    command = ["nm", "--dynamic", "--defined-only", library]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert {line.split()[-1] for line in listed.splitlines()} == {
        *("GetPluginFactory", "ModuleEntry", "ModuleExit", "clap_entry", "lv2_descriptor")
    }


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_valgrind_finds_no_error_and_no_leak(hosted, tmp_path):
    host, state = hosted(), tmp_path / "state"
    host.command = [
        *("valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=definite"),
        *("--error-exitcode=9", *host.command),
    ]
    audio = music(Job(8000, 2, 128, [("p", 2000)]))
    events = [host.event("low_eq", 3.0, 100), host.event("bypass", 1, 700), "process 1000"]
    commands = [*events, f"save {state}", f"load {state}", "reset", "process 1000", "list"]
    played, printed = host.play(audio, 2, commands, 8000)
    assert printed[0] == "loaded"
    assert np.isfinite(played).all()
