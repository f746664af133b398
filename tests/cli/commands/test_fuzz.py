"""Broken files of all kinds: a result or one line, never a traceback, never a hang."""

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
WORK_S, WAIT_S = 10, 60
ENDINGS = ("wav", "flac", "ogg", "mp3", "aiff")
NEUTRAL = single_section_preset({})
WORDS = [None, True, [], {}, "x", "", -1, 0, 1e308, float("inf"), float("nan"), 10**400, "\ud800"]


@pytest.fixture(scope="module")
def originals(tmp_path_factory, music):
    folder = tmp_path_factory.mktemp("originals")
    for ending in ENDINGS:
        path = folder / f"a.{ending}"
        write_audio(path, [music], RATE, 2, music.shape[1], tags={"title": "T"})
    return [(folder / f"a.{ending}").read_bytes() for ending in ENDINGS]


class Hang(BaseException):
    """No error that a program would take for its own."""


@pytest.fixture
def patience():
    """More than ten seconds of work for one file is a hang, or a minute of none."""

    def too_long(number, frame):
        raise Hang

    numbers = (signal.SIGPROF, signal.SIGALRM)
    before = [signal.signal(number, too_long) for number in numbers]

    def start(work_s=WORK_S, wait_s=WAIT_S):
        signal.setitimer(signal.ITIMER_PROF, work_s)
        signal.alarm(wait_s)

    yield start
    start(0, 0)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def mutated(blob, rng):
    """Cut, spliced, with bytes turned, swapped or repeated; most damage near the head."""
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


def fuzz_sounds(originals, folder, seeds, patience):
    """How many gave a result."""
    results = 0
    for seed in seeds:
        rng = random.Random(seed)
        path = folder / f"s{seed}.{rng.choice(ENDINGS)}"  # the name may lie
        path.write_bytes(mutated(rng.choice(originals), rng))
        patience()
        said = ""
        try:
            outcome = AudioMixer().mix_file(path, folder / "out.wav", preset=NEUTRAL, force=True)
        except Exception as error:
            said = format_error(error)
        else:
            results += 1
            assert AudioFile(outcome.output).frames > 0
        assert "unexpected" not in said, seed
        assert "\n" not in said
        assert not list(folder.glob(".*draft*"))
        path.unlink()
    return results


def fuzz_presets(folder, seeds):
    """How many were read."""
    good = folder / "good.json"
    presets.save_preset(NEUTRAL, good)
    read = 0
    for seed in seeds:
        rng = random.Random(seed)
        text = good.read_text()
        if rng.random() < 0.5:
            page = json.loads(text)
            place = rng.choice([page, page["settings"]])
            place[rng.choice([*place, "new", "__class__", "_target_"])] = rng.choice(WORDS)
            blob = json.dumps(page).encode()
        else:
            blob = mutated(text.encode(), rng)
        path = folder / "p.json"
        path.write_bytes(blob)
        said = ""
        try:
            found = presets.load_preset(path)
        except (ValueError, OSError) as error:
            said = format_error(error)
        else:
            read += 1
            assert isinstance(found, Preset)
        assert "\n" not in said
    return read


def test_a_few_broken_files(originals, tmp_path, patience):
    assert 0 < fuzz_sounds(originals, tmp_path, range(20), patience) < 20


def test_a_few_broken_presets(tmp_path):
    assert 0 < fuzz_presets(tmp_path, range(20)) < 20


@pytest.mark.slow
def test_five_hundred_broken_files(originals, tmp_path, patience):
    assert 50 < fuzz_sounds(originals, tmp_path, range(1000, 1500), patience) < 500


@pytest.mark.slow
def test_two_hundred_broken_presets(tmp_path):
    assert 20 < fuzz_presets(tmp_path, range(1000, 1200)) < 200
