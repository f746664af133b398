"""Files in and out: nothing lost, nothing half written, nothing added but what is meant."""

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.audio import AudioFile, write_audio
from ai_mixer.audio.dither import Dither
from ai_mixer.audio.excerpt import SongError
from helpers.signals import noise

RATE = 44_100
TAGS = {"title": "Größe 大", "artist": "Ä", "album": "B", "tracknumber": "7", "date": "1999"}


def heard(path):
    return torch.cat(list(AudioFile(path).blocks()), -1)


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg", "aiff", "AIF"])
@pytest.mark.parametrize("channels", [1, 2])
def test_length_rate_channels_and_tags_come_back(tmp_path, ending, channels):
    path, audio = (tmp_path / f"ein Lied.{ending}", noise(channels, seconds=1.2345, rate=48_000))
    write_audio(path, torch.split(audio, 7777, -1), 48_000, channels, audio.shape[1], tags=TAGS)
    sound = AudioFile(path)
    assert (sound.sample_rate, sound.channels, sound.frames) == (48_000, channels, audio.shape[1])
    assert heard(path).shape == audio.shape
    kept = {"title", "artist"} if ending.startswith(("ai", "AI")) else set(TAGS)
    assert {name: sound.tags[name] for name in kept} == {name: TAGS[name] for name in kept}


@pytest.mark.parametrize(("like", "step"), [("PCM_16", 2**-15), ("PCM_24", 2**-23), ("FLOAT", 0)])
def test_bits_are_those_of_the_source(tmp_path, source_subtype, step):
    audio = noise(2, seconds=1)
    path = tmp_path / "a.wav"
    write_audio(path, [audio], RATE, 2, audio.shape[1], source_subtype=source_subtype)
    assert AudioFile(path).subtype == source_subtype
    assert float((heard(path) - audio).abs().max()) <= 1.5 * step + 1e-7


def test_a_long_vorbis_file_is_written(tmp_path):
    """In one call libsndfile crashes beyond some 50 s."""
    audio = noise(2, seconds=70)
    write_audio(tmp_path / "a.ogg", [audio], RATE, 2, audio.shape[1])
    assert AudioFile(tmp_path / "a.ogg").frames == audio.shape[1]


def test_dither_is_hiss_and_no_distortion():
    """A tone of half a step: without dither it is gone, with it it is there, in the mean."""
    time = np.arange(RATE * 4) / RATE
    tone = (0.5 / 32768 * np.sin(2 * np.pi * 441 * time)).astype(np.float32)[:, None]
    rounded = Dither()(tone)
    assert rounded.dtype == np.int16
    level = 2 * np.mean(rounded[:, 0] * np.sin(2 * np.pi * 441 * time))
    assert level == pytest.approx(0.5, abs=0.02)
    third = 2 * np.mean(rounded[:, 0] * np.sin(2 * np.pi * 1323 * time))
    assert abs(third) < 0.02
    assert np.array_equal(Dither()(tone), rounded)
    assert not Dither()(np.zeros((99, 2), np.float32)).any()


def test_what_no_number_is_counts_as_silence_and_is_said(tmp_path):
    audio = noise(2, seconds=1).T.numpy().copy()
    audio[100:103, 0] = np.nan
    audio[200, 1] = np.inf
    audio[300, 1] = 1e30
    soundfile.write(tmp_path / "a.wav", audio, RATE, subtype="FLOAT")
    sound = AudioFile(tmp_path / "a.wav")
    got = torch.cat(list(sound.blocks()), -1)
    assert got.isfinite().all()
    assert not got[0, 100:103].any()
    assert "3 samples are no numbers" in sound.warnings[0]
    assert "2 samples are more than 60 dB over" in sound.warnings[1]


def test_a_file_that_breaks_off_is_as_long_as_what_is_there(tmp_path):
    for ending in ("flac", "ogg"):
        path = tmp_path / f"a.{ending}"
        write_audio(path, [noise(2, seconds=3)], RATE, 2, 3 * RATE)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        sound = AudioFile(path)
        length = sum(block.shape[1] for block in sound.blocks())
        assert 0.5 * RATE < length < 2.5 * RATE
        assert sound.frames == length


@pytest.mark.parametrize(
    ("seconds", "channels", "rate", "words"),
    [
        (1, 6, RATE, "6 channels, needs mono or stereo: mix it down"),
        (0.1, 2, RATE, "a song needs 0.2 s"),
        (1, 2, 4000, "4000 Hz, needs 8000 to 192000 Hz"),
    ],
)
def test_what_is_no_song_is_refused_in_one_line(tmp_path, seconds, channels, rate, words):
    soundfile.write(tmp_path / "a.wav", noise(channels, seconds=seconds, rate=rate).T.numpy(), rate)
    with pytest.raises(SongError, match=words) as caught:
        AudioFile(tmp_path / "a.wav")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no sound at all", bytes(5000)])
def test_what_is_no_sound_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(SongError):
        AudioFile(tmp_path / "a.wav")


def test_a_mislabelled_file_is_what_it_is(tmp_path):
    write_audio(tmp_path / "a.flac", [noise(2, seconds=1)], RATE, 2, RATE)
    (tmp_path / "a.flac").rename(tmp_path / "a.mp3")
    assert AudioFile(tmp_path / "a.mp3").format == "FLAC"


@pytest.mark.parametrize("name", ["a.m4a", "a", "a.txt"])
def test_an_unknown_ending_is_answered_with_the_menu(tmp_path, name):
    with pytest.raises(ValueError, match=r"choose one of \.wav, \.flac"):
        write_audio(tmp_path / name, [noise(2, seconds=1)], RATE, 2, RATE)


def test_mp3_refuses_a_rate_it_does_not_have(tmp_path):
    with pytest.raises(ValueError, match=r"no rate of 96000 Hz: write a \.flac"):
        write_audio(tmp_path / "a.mp3", [noise(2, seconds=1)], 96_000, 2, RATE)
