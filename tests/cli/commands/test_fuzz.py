"""Damaged files: a result or a one-line error, never a traceback or a hang."""

import json
import random
import signal

import pytest

from ai_mixer.audio import AudioFile, write_audio
from ai_mixer.cli.commands.errors import format_error
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.preset import Preset, single_section_preset

RATE = 44_100
CPU_LIMIT_S, WALL_LIMIT_S = 10, 60
EXTENSIONS = ("wav", "flac", "ogg", "mp3", "aiff")
NEUTRAL = single_section_preset({})
VALUES = [None, True, [], {}, "x", "", -1, 0, 1e308, float("inf"), float("nan"), 10**400, "\ud800"]


@pytest.fixture(scope="module")
def originals(tmp_path_factory, music):
    folder = tmp_path_factory.mktemp("originals")
    for extension in EXTENSIONS:
        path = folder / f"a.{extension}"
        write_audio(path, [music], RATE, 2, music.shape[1], tags={"title": "T"})
    # Compile the kernels: their time does not count as a hang.
    AudioMixer().mix_file(path, folder / "out.wav", preset=NEUTRAL, force=True)
    return [(folder / f"a.{extension}").read_bytes() for extension in EXTENSIONS]


class Hang(BaseException):
    """Not an Exception, so that no code handles it."""


@pytest.fixture
def start_timer():
    """Raise Hang after ten seconds of processor time or a minute of wall time per file."""

    def raise_hang(number, frame):
        raise Hang

    numbers = (signal.SIGPROF, signal.SIGALRM)
    before = [signal.signal(number, raise_hang) for number in numbers]

    def start(cpu_s=CPU_LIMIT_S, wall_s=WALL_LIMIT_S):
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        signal.alarm(wall_s)

    yield start
    start(0, 0)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def mutated(blob, rng):
    """Change, delete or insert bytes, or truncate; mostly near the header."""
    blob = bytearray(blob)
    for _ in range(rng.choice([1, 2, 8, 64])):
        at = rng.randrange(len(blob)) if rng.random() < 0.4 else rng.randrange(min(200, len(blob)))
        kind = rng.randrange(5)
        if kind == 0:
            blob[at] = rng.randrange(256)
        elif kind == 1:
            blob[at : at + 4] = rng.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
        elif kind == 2:
            del blob[at : at + rng.randrange(1, 2000)]
        elif kind == 3:
            blob[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 50)))
        else:
            blob = blob[: max(at, 1)]
        if not blob:
            blob = bytearray(b"\0")
    return bytes(blob)


def fuzz_audio_files(originals, folder, seeds, start_timer):
    """Number of files that gave a result."""
    results = 0
    for seed in seeds:
        rng = random.Random(seed)
        path = folder / f"s{seed}.{rng.choice(EXTENSIONS)}"  # may be the wrong extension
        path.write_bytes(mutated(rng.choice(originals), rng))
        start_timer()
        message = ""
        try:
            result = AudioMixer().mix_file(path, folder / "out.wav", preset=NEUTRAL, force=True)
        except Exception as error:
            message = format_error(error)
        else:
            results += 1
            assert AudioFile(result.output).frames > 0
        assert "unexpected" not in message, seed
        assert "\n" not in message
        assert not list(folder.glob(".*draft*"))
        path.unlink()
    return results


def fuzz_presets(folder, seeds):
    """Number of presets that were loaded."""
    valid = folder / "valid.json"
    presets.save_preset(NEUTRAL, valid)
    loaded = 0
    for seed in seeds:
        rng = random.Random(seed)
        text = valid.read_text()
        if rng.random() < 0.5:
            data = json.loads(text)
            part = rng.choice([data, data["settings"]])
            part[rng.choice([*part, "new", "__class__", "_target_"])] = rng.choice(VALUES)
            blob = json.dumps(data).encode()
        else:
            blob = mutated(text.encode(), rng)
        path = folder / "p.json"
        path.write_bytes(blob)
        message = ""
        try:
            preset = presets.load_preset(path)
        except (ValueError, OSError) as error:
            message = format_error(error)
        else:
            loaded += 1
            assert isinstance(preset, Preset)
        assert "\n" not in message
    return loaded


def test_10_damaged_files(originals, tmp_path, start_timer):
    assert 0 < fuzz_audio_files(originals, tmp_path, range(10), start_timer) < 10


def test_20_damaged_presets(tmp_path):
    assert 0 < fuzz_presets(tmp_path, range(20)) < 20


@pytest.mark.slow
def test_500_damaged_files(originals, tmp_path, start_timer):
    assert 50 < fuzz_audio_files(originals, tmp_path, range(1000, 1500), start_timer) < 500


@pytest.mark.slow
def test_200_damaged_presets(tmp_path):
    assert 20 < fuzz_presets(tmp_path, range(1000, 1200)) < 200
