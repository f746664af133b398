"""Starts of tracks: given, or the time references of Broadcast Wave files."""

import json
import struct

import pytest
import soundfile
import torch

from ai_mixer.audio.broadcast_wave import time_reference
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.track_inputs import read_window, song_format, track_inputs
from ai_mixer.mixing.track_starts import MAX_START_S, start_notes, with_starts
from helpers.measures import residual_db
from helpers.tracks import RATE, write


def stamp(path, samples, at_end=False):
    """Add a `bext` chunk with a time reference, before or behind the audio."""
    content = path.read_bytes()
    data = bytes(338) + struct.pack("<Q", samples) + bytes(256)
    chunk = b"bext" + struct.pack("<I", len(data)) + data
    parts = (content[12:], chunk) if at_end else (chunk, content[12:])
    body = b"WAVE" + b"".join(parts)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.fixture
def files(tmp_path):
    """Two tracks of half a second, at different rates."""
    kick = write(tmp_path / "kick.wav", 0, seconds=0.5)
    return [kick, write(tmp_path / "vox.wav", 1, seconds=0.5, rate=48_000)]


def starts_s(files, given=None):
    return [track.start_s for track in with_starts(track_inputs(files), given)]


def test_time_references_count_if_all_tracks_have_one(files):
    assert time_reference(files[0]) is None
    stamp(files[0], 10 * RATE)
    assert starts_s(files) == [0.0, 0.0]
    stamp(files[1], 12 * 48_000, at_end=True)
    assert time_reference(files[1]) == 12 * 48_000
    assert starts_s(files) == [0.0, 2.0]
    assert starts_s(files, {"kick": 0.25}) == [0.25, 2.0]
    assert AudioMixer().mix_tracks(files).starts_s == {"kick.wav": 0.0, "vox.wav": 2.0}


def test_time_references_of_other_days_are_named(files):
    stamp(files[0], 0)
    stamp(files[1], 2 * 3600 * 48_000)
    inputs = with_starts(track_inputs(files))
    assert [track.start_s for track in inputs] == [0.0, 0.0]
    assert start_notes(inputs) == [
        "the time references differ by 2.0 h and are not used: see --start"
    ]


def test_a_track_is_silent_before_its_start(files, tmp_path):
    result = AudioMixer().mix_tracks(
        files,
        tmp_path / "mix.wav",
        starts_s={"vox.wav": 0.7},
        stems=tmp_path / "stems",
        mix_options=MixOptions(amount=0.0),
    )
    stem, rate = soundfile.read(tmp_path / "stems/vox.wav", dtype="float32")
    source, _ = soundfile.read(files[1], dtype="float32")
    start = round(0.7 * rate)
    assert len(stem) == start + len(source)
    assert abs(stem[:start]).max() == 0
    expected = torch.from_numpy(source) * 10 ** (result.gains_db["vox.wav"] / 20)
    assert residual_db(torch.from_numpy(stem[start:]), expected) < -90
    assert "vox.wav starts at 0.700 s" in result.notes
    assert "kick.wav ends 0.7 s before the longest track" not in result.notes
    written = json.loads((tmp_path / "mix.json").read_text())
    assert written["start_s"] == {"kick.wav": 0.0, "vox.wav": 0.7}
    assert "<td>0.700 s</td>" in (tmp_path / "mix.html").read_text()


def test_windows_and_blocks_agree(files):
    track = with_starts(track_inputs(files), {"kick": 0.3})[0]
    rate, frames = song_format([track])
    whole = torch.cat(list(track.blocks(rate, frames)), -1)
    window = read_window(track, 0.2, round(0.3 * rate), rate)
    assert torch.equal(window, whole[:, round(0.2 * rate) : round(0.5 * rate)])


@pytest.mark.parametrize("start_s", [-1.0, MAX_START_S + 1, float("nan")])
def test_starts_out_of_range_are_refused(files, start_s):
    with pytest.raises(ValueError, match=r"^--start kick=.*: must be 0 to 3600 s"):
        with_starts(track_inputs(files), {"kick": start_s})
