"""Tests of `AudioFile` and `write_audio`: round trips, formats, dither, damaged files."""

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.audio import AudioFile, write_audio
from ai_mixer.audio.dither import Dither
from ai_mixer.audio.errors import SongError
from helpers.signals import noise

RATE = 44_100
TAGS = {"title": "Größe 大", "artist": "Ä", "album": "B", "tracknumber": "7", "date": "1999"}


def read(path):
    return torch.cat(list(AudioFile(path).blocks()), -1)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "aiff", "AIF"])
@pytest.mark.parametrize("channels", [1, 2])
def test_length_rate_channels_and_tags_survive_a_round_trip(tmp_path, suffix, channels):
    path, audio = tmp_path / f"ein Lied.{suffix}", noise(channels, seconds=1.2345, rate=48_000)
    write_audio(path, torch.split(audio, 7777, -1), 48_000, channels, audio.shape[1], tags=TAGS)
    file = AudioFile(path)
    assert (file.sample_rate, file.channels, file.frames) == (48_000, channels, audio.shape[1])
    assert read(path).shape == audio.shape
    names = {"title", "artist"} if suffix.lower().startswith("ai") else set(TAGS)
    assert {name: file.tags[name] for name in names} == {name: TAGS[name] for name in names}


@pytest.mark.parametrize(
    ("source_subtype", "step"), [("PCM_16", 2**-15), ("PCM_24", 2**-23), ("FLOAT", 0)]
)
def test_the_bit_depth_is_that_of_the_source(tmp_path, source_subtype, step):
    audio = noise(2, seconds=1)
    path = tmp_path / "a.wav"
    write_audio(path, [audio], RATE, 2, audio.shape[1], source_subtype=source_subtype)
    assert AudioFile(path).subtype == source_subtype
    assert float((read(path) - audio).abs().max()) <= 1.5 * step + 1e-7


@pytest.mark.slow
def test_a_long_vorbis_file_is_written(tmp_path):
    """libsndfile crashes if one call writes more than about 50 s."""
    audio = noise(2, seconds=70)
    write_audio(tmp_path / "a.ogg", [audio], RATE, 2, audio.shape[1])
    assert AudioFile(tmp_path / "a.ogg").frames == audio.shape[1]


def test_dither_preserves_a_tone_below_one_step_without_harmonics():
    """A tone of half a step: rounding alone would remove it."""
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


def test_nan_is_silenced_and_excessive_samples_are_clamped_with_warnings(tmp_path):
    audio = noise(2, seconds=1).T.numpy().copy()
    audio[100:103, 0] = np.nan
    audio[200, 1] = np.inf
    audio[300, 1] = 1e30
    soundfile.write(tmp_path / "a.wav", audio, RATE, subtype="FLOAT")
    file = AudioFile(tmp_path / "a.wav")
    audio = torch.cat(list(file.blocks()), -1)
    assert audio.isfinite().all()
    assert not audio[0, 100:103].any()
    assert "3 samples are NaN" in file.warnings[0]
    assert "2 samples are more than 60 dB over" in file.warnings[1]


def test_a_truncated_file_has_the_length_of_its_readable_part(tmp_path):
    for suffix in ("flac", "ogg"):
        path = tmp_path / f"a.{suffix}"
        write_audio(path, [noise(2, seconds=3)], RATE, 2, 3 * RATE)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        file = AudioFile(path)
        length = sum(block.shape[1] for block in file.blocks())
        assert 0.5 * RATE < length < 2.5 * RATE
        assert file.frames == length


@pytest.mark.parametrize(
    ("seconds", "channels", "rate", "message"),
    [
        (1, 6, RATE, "6 channels"),
        (0.1, 2, RATE, r"0\.1 s.*0\.2 s"),
        (1, 2, 4000, "4000 Hz.*8000 to 192000 Hz"),
    ],
)
def test_unsupported_audio_is_an_error_in_one_line(tmp_path, seconds, channels, rate, message):
    soundfile.write(tmp_path / "a.wav", noise(channels, seconds=seconds, rate=rate).T.numpy(), rate)
    with pytest.raises(SongError, match=message) as caught:
        AudioFile(tmp_path / "a.wav")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no audio at all", bytes(5000)])
def test_files_without_audio_are_errors(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(SongError):
        AudioFile(tmp_path / "a.wav")


def test_the_format_is_that_of_the_content_not_of_the_suffix(tmp_path):
    write_audio(tmp_path / "a.flac", [noise(2, seconds=1)], RATE, 2, RATE)
    (tmp_path / "a.flac").rename(tmp_path / "a.mp3")
    assert AudioFile(tmp_path / "a.mp3").format == "FLAC"


@pytest.mark.parametrize("name", ["a.wma", "a", "a.txt"])
def test_an_unknown_suffix_lists_the_supported_ones(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.wav, \.flac"):
        write_audio(tmp_path / name, [noise(2, seconds=1)], RATE, 2, RATE)


@pytest.mark.parametrize(("suffix", "channels"), [("m4a", 1), ("m4a", 2), ("opus", 2)])
def test_m4a_and_opus_are_written_with_tags(tmp_path, suffix, channels):
    path, audio = tmp_path / f"ein Lied.{suffix}", 0.2 * noise(channels, seconds=1.2345)
    write_audio(path, torch.split(audio, 7777, -1), RATE, channels, audio.shape[1], tags=TAGS)
    file = AudioFile(path)
    written = read(path)
    assert file.channels == channels
    assert file.tags == TAGS
    assert not file.warnings
    rate = 48_000 if suffix == "opus" else RATE
    assert file.sample_rate == rate
    samples = round(1.2345 * rate)
    assert samples <= written.shape[1] <= samples + (0 if suffix == "opus" else 2048)
    assert written.square().mean() == pytest.approx(float(audio.square().mean()), rel=0.3)


@pytest.mark.parametrize("suffix", ["mp3", "m4a"])
def test_a_rate_that_the_format_lacks_is_an_error(tmp_path, suffix):
    with pytest.raises(ValueError, match=rf"a\.{suffix}: .*192000 Hz"):
        write_audio(tmp_path / f"a.{suffix}", [noise(2, seconds=1)], 192_000, 2, RATE)


def test_mp3_at_96_khz_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"a\.mp3: .*96000 Hz"):
        write_audio(tmp_path / "a.mp3", [noise(2, seconds=1)], 96_000, 2, RATE)
