import pytest

from ai_mixer.data.toy import Toy


def test_artists_stay_together(songs_folder):
    songs = Toy(songs_folder).songs()
    assert {song.split for song in songs} == {"train", "val", "test"}
    assert len({(song.group, song.split) for song in songs}) == 6


def test_empty_folder_raises(tmp_path):
    with pytest.raises(ValueError, match=r"data\.root="):
        Toy(tmp_path).songs()
