"""Formats that libsndfile does not know, from file to file."""

import io

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from ai_mixer.audio import AudioFile
from ai_mixer.audio.id3 import append_frames, lyrics_frame, picture_frame
from ai_mixer.mixing.measurements import measure


@pytest.mark.parametrize("suffix", ["m4a", pytest.param("opus", marks=pytest.mark.slow)])
def test_mix_reads_and_writes_m4a_and_opus(ai_mixer, song, suffix):
    first = song.with_name(f"first.{suffix}")
    assert ai_mixer("mix", song, "-o", first, "--amount", "0").code == 0
    done = ai_mixer("mix", first)
    assert done.code == 0, done.err
    second = song.with_name(f"first_mixed.{suffix}")
    before, original, mixed = (AudioFile(file) for file in (first, song, second))
    assert before.tags == mixed.tags == original.tags
    assert mixed.duration_s == pytest.approx(original.duration_s, abs=0.08)  # AAC pads frames
    measured = [measure(file.blocks(), file.sample_rate) for file in (original, before, mixed)]
    assert measured[1].loudness_lufs == pytest.approx(measured[0].loudness_lufs, abs=0.3)
    assert measured[2].true_peak_db <= -1.0 + 0.05


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mp3", "m4a"])
def test_mix_carries_cover_and_lyrics(ai_mixer, tmp_path, music, suffix):
    image = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(image, "JPEG")
    song = tmp_path / "song.mp3"
    soundfile.write(song, music.T.numpy(), 44_100)
    append_frames(song, [lyrics_frame("eins\nzwei"), picture_frame(image.getvalue(), "image/jpeg")])
    mixed = tmp_path / f"mixed.{suffix}"
    done = ai_mixer("mix", song, "-o", mixed)
    assert done.code == 0, done.err
    with av.open(str(mixed)) as container:
        assert "eins\nzwei" in container.metadata.values()
        assert bytes(next(container.demux(container.streams.video[0]))) == image.getvalue()


@pytest.mark.slow
def test_latin_1_tags_are_converted(ai_mixer, tmp_path, music):
    """Old Windows software writes the INFO chunk of a wav in its own code page."""
    song = tmp_path / "song.wav"
    with soundfile.SoundFile(song, "w", 44_100, 2) as file:
        file.title, file.artist = "Gr__e", "Bj_rk"
        file.write(music.T.numpy())
    content = song.read_bytes()
    assert content.count(b"Gr__e") == 1
    content = content.replace(b"Gr__e", "Größe".encode("latin-1"))
    song.write_bytes(content.replace(b"Bj_rk", "Björk".encode("latin-1")))
    assert AudioFile(song).tags == {"title": "Größe", "artist": "Björk"}
    for suffix in ("wav", "flac", "m4a"):
        mixed = tmp_path / f"mixed.{suffix}"
        assert ai_mixer("mix", song, "-o", mixed, "--force").code == 0
        assert AudioFile(mixed).tags == {"title": "Größe", "artist": "Björk"}
