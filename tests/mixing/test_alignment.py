"""Alignment of two versions of a recording, and of what a reference can be measured."""

import math

import numpy as np
import pytest
import soundfile

from ai_mixer.audio import AudioFile
from ai_mixer.mixing.alignment import align_excerpts
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.reference_check import check_reference, measurable_s
from helpers.datasets import small_song

RATE = 44_100


@pytest.fixture(scope="module")
def recording():
    """[T, 2]: 14 s without repetition."""
    return np.concatenate([small_song(number, 3.5) for number in range(4)]).astype(np.float32)


def write(path, audio, rate=RATE):
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return AudioFile(path)


def aligned(first, second):
    return align_excerpts(first, second, measure(second.blocks(), second.sample_rate), 4.0, RATE)


def delayed(audio, frames):
    """Silence before the song, or a song without its first samples."""
    return np.pad(audio, ((max(frames, 0), 0), (0, 0)))[max(-frames, 0) :]


def inverted_right(audio):
    return audio * np.float32([1, -1])


CHANGES = {
    "none": lambda x: x,
    "quiet": lambda x: 1e-4 * x,
    "mono": lambda x: x.mean(1, keepdims=True),
    "polarity of one channel": inverted_right,
    "polarity": lambda x: -x,
    "excerpt": lambda x: x[: 11 * RATE],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "frames", [0, -70_001, *(pytest.param(n, marks=pytest.mark.slow) for n in (70_001, 300_000))]
)
def test_versions_are_aligned_to_the_sample(recording, tmp_path, change, frames):
    finished = CHANGES[change](delayed(recording, frames))
    first, second = write(tmp_path / "a.wav", recording), write(tmp_path / "b.wav", finished)
    for one, other, sign in ((first, second, -1), (second, first, 1)):
        pair = aligned(one, other)
        assert pair.lag_s * RATE == pytest.approx(sign * frames, abs=0.5)
        assert pair.first.shape == pair.second.shape
        assert pair.second.abs().max() > 0


def test_an_hour_is_aligned_at_a_lower_rate(recording, tmp_path, monkeypatch):
    from ai_mixer.mixing import alignment

    monkeypatch.setattr(alignment, "MAX_COARSE_SAMPLES", 14 * 400)
    monkeypatch.setattr(alignment, "CHUNK_S", 1.0)
    first, second = recording, delayed(recording, 66_666)
    pair = aligned(write(tmp_path / "a.wav", first), write(tmp_path / "b.wav", second))
    assert pair.lag_s * RATE == pytest.approx(-66_666, abs=0.5)


def test_versions_at_different_sample_rates_are_aligned(recording, tmp_path):
    """The samples of one at 48 kHz: 0.92 of the speed at both rates."""
    from scipy.signal import resample_poly

    other = resample_poly(delayed(recording, 88_200), 160, 147).astype(np.float32)
    pair = aligned(write(tmp_path / "a.wav", recording), write(tmp_path / "b.wav", other, 48_000))
    assert pair.lag_s == pytest.approx(-2.0, abs=2 / RATE)


def test_other_recordings_and_silence_are_not_aligned(recording, tmp_path):
    song = write(tmp_path / "a.wav", recording[: 7 * RATE])
    other = write(tmp_path / "b.wav", recording[7 * RATE :])
    silence = write(tmp_path / "c.wav", np.zeros((5 * RATE, 2)))
    assert aligned(song, other) is None
    assert aligned(song, silence) is None


def clicks(period_s, seconds=12.0):
    audio = np.zeros((round(seconds * RATE), 2))
    audio[:: round(period_s * RATE)] = 0.9
    return audio


REFERENCES = {
    "song": (lambda x: x, True),
    "quiet song": (lambda x: 3e-2 * x, True),
    "1.2 s": (lambda x: x[: round(1.2 * RATE)], True),
    "0.3 s": (lambda x: x[: round(0.3 * RATE)], False),
    "0.3 s and silence": (lambda x: np.pad(x[: RATE // 3], ((RATE, 9 * RATE), (0, 0))), False),
    "one click": (lambda x: clicks(20.0), False),
    "a click each second": (lambda x: clicks(1.0), False),
    "four clicks a second and noise": (lambda x: clicks(0.25) + 1e-5 * x[: 12 * RATE], False),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_needs_a_second_that_can_be_measured(recording, tmp_path, name):
    make, usable = REFERENCES[name]
    reference = write(tmp_path / "ref.wav", make(recording))
    note = check_reference(reference)
    assert (note == "") == usable
    if not usable:
        assert "ref.wav" in note
        assert f"{measurable_s(reference):.2g} s" in note
        assert measurable_s(reference) < 0.9


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_a_reference_without_anything_above_the_gate_is_refused(recording, tmp_path, level):
    with pytest.raises(ValueError, match=r"ref\.wav: nothing .* -70 LUFS"):
        check_reference(write(tmp_path / "ref.wav", level * recording))


def test_measurable_seconds_of_steady_sound_are_its_duration(tmp_path):
    tone = 0.1 * np.sin(np.arange(3 * RATE))[:, None].repeat(2, 1)
    assert math.isclose(measurable_s(write(tmp_path / "tone.wav", tone)), 3.0, abs_tol=0.02)
