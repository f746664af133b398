"""The band's instruments as dry tracks."""

import numpy as np
import pytest

from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.data.band import Band
from ai_mixer.data.band.generate import SongJob
from ai_mixer.data.band.generate_tracks import synthesise_tracks


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    band = Band(tmp_path_factory.mktemp("band"), songs=2, duration_s=3.0, workers=1)
    return band.track_songs()


def test_every_instrument_is_a_track_with_its_role(songs):
    rock = {track.name: track.role for track in songs[0].tracks}
    assert rock["01_kick"] == rock["02_snare"] == "drums"
    assert set(rock.values()) == {"drums", "bass", "lead", "chords"}
    assert songs[0].genre == "rock"
    assert songs[0].group == "rock_composer_0"


def test_files_are_the_synthesised_tracks_and_do_not_clip_in_sum(songs):
    tracks = songs[0].tracks
    audio = [read_excerpt(track.path, 0.0, 3.0, 44_100).numpy() for track in tracks]
    assert np.abs(sum(audio)).max() <= 0.9
    made = synthesise_tracks(SongJob("rock", 0), 3.0, 0, 44_100)
    assert list(made) == [track.path.stem for track in tracks]
    for one, other in zip(audio, made.values(), strict=True):
        assert np.allclose(one, other, atol=1e-4)


def test_the_second_call_reads_what_exists(songs):
    folder = songs[0].tracks[0].path.parents[2]
    before = songs[0].tracks[0].path.stat().st_mtime_ns
    again = Band(folder, songs=2, duration_s=3.0, workers=1).track_songs()
    assert [song.id for song in again] == [song.id for song in songs]
    assert songs[0].tracks[0].path.stat().st_mtime_ns == before
