"""Cover picture and lyrics survive from format to format; text in old encodings is converted."""

import io

import av
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from ai_mixer.audio import AudioFile, write_audio
from ai_mixer.audio.extras import carry_extras
from ai_mixer.audio.formats import format_of
from helpers.datasets import small_song

RATE = 44_100
LYRICS = "Größe\nzweite Zeile 大"
TAGS = {"title": "Größe 大", "artist": "Ä", "album": "B", "tracknumber": "7", "date": "1999"}
CARRYING = ("mp3", "flac", "ogg", "opus", "m4a")


def picture(kind):
    file = io.BytesIO()
    Image.fromarray(np.arange(64 * 48 * 3, dtype=np.uint8).reshape(48, 64, 3)).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module", params=["JPEG", "PNG"])
def source(request, tmp_path_factory):
    """A FLAC file with a cover and lyrics, by FFmpeg."""
    path = tmp_path_factory.mktemp("source") / "song.flac"
    image = picture(request.param)
    form = {"JPEG": "jpeg_pipe", "PNG": "png_pipe"}[request.param]
    with (
        av.open(str(path), "w", format="flac") as new,
        av.open(io.BytesIO(image), format=form) as cover,
    ):
        stream = new.add_stream("flac", rate=RATE, layout="mono")
        attached = new.add_stream_from_template(cover.streams.video[0])
        attached.disposition = av.stream.Disposition.attached_pic
        new.metadata.update({"lyrics": LYRICS})
        packet = next(cover.demux())
        packet.stream = attached
        new.mux(packet)
        samples = np.zeros((1, RATE // 2), np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            new.mux(packet)
    return path, image


def extras(path):
    """Lyrics and picture of a file, by FFmpeg's demuxer."""
    with av.open(str(path)) as container:
        metadata = {**container.metadata, **container.streams.audio[0].metadata}
        lyrics = [text for name, text in metadata.items() if name.lower().startswith("lyrics")]
        pictures = [bytes(next(container.demux(one))) for one in container.streams.video]
    return lyrics, pictures


@pytest.mark.parametrize("suffix", CARRYING)
def test_cover_and_lyrics_are_carried(tmp_path, source, suffix):
    path, image = source
    target = tmp_path / f"mix.{suffix}"
    audio = torch.from_numpy(small_song(0, 1.3).T.copy()).float()
    write_audio(target, [audio], RATE, 2, audio.shape[1], tags=TAGS)
    before = AudioFile(target)
    samples = torch.cat(list(before.blocks()), -1)
    carry_extras(path, target, format_of(target).name)
    assert extras(target) == ([LYRICS], [image])
    after = AudioFile(target)
    assert after.tags == before.tags == TAGS
    assert torch.equal(torch.cat(list(after.blocks()), -1), samples)  # encoded as before
    assert not after.warnings
    again = tmp_path / f"again.{suffix}"  # from each format to the next
    write_audio(again, [audio], RATE, 2, audio.shape[1])
    carry_extras(target, again, format_of(again).name)
    assert extras(again) == ([LYRICS], [image])
    assert {file.name for file in tmp_path.iterdir()} == {target.name, again.name}


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_formats_without_a_place_for_them_stay_as_they_are(tmp_path, source, suffix):
    target = tmp_path / f"mix.{suffix}"
    soundfile.write(target, small_song(0, 0.5), RATE)
    before = target.read_bytes()
    carry_extras(source[0], target, format_of(target).name)
    assert target.read_bytes() == before


def test_a_song_without_them_is_not_copied(tmp_path):
    for name in ("song.flac", "mix.flac"):
        soundfile.write(tmp_path / name, small_song(0, 0.5), RATE)
    inode = (tmp_path / "mix.flac").stat().st_ino
    carry_extras(tmp_path / "song.flac", tmp_path / "mix.flac", "FLAC")
    assert (tmp_path / "mix.flac").stat().st_ino == inode
