"""The table of features: a row a song, computed once for what a file holds."""

import re
import shutil

import pandas as pd
import pytest
import soundfile

from ai_mixer.cli.stages import features
from ai_mixer.config.folder import config_folder
from ai_mixer.data.folder import Folder
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.training.builders import build_source

OPTIONS = {"families": ["levels", "stereo"], "seconds": 1.0, "sample_rate": 44_100}


@pytest.fixture
def own_songs(songs_folder, tmp_path):
    return shutil.copytree(songs_folder, tmp_path / "songs")


@pytest.fixture
def asked(monkeypatch):
    """Songs that were really described."""
    calls = []

    def counted(*args):
        calls.append(args)
        return described(*args)

    described = features.describe
    monkeypatch.setattr(features, "describe", counted)
    return calls


def test_a_row_a_song_and_no_song_twice(own_songs, tmp_path, asked):
    index = MetadataCache(tmp_path / "index")
    first, skipped = features.feature_table(Folder(own_songs).songs(), index=index, **OPTIONS)
    assert not skipped
    assert len(first) == len(asked) == 6
    assert list(first.columns[:5]) == ["song", "group", "genre", "split", "loudness_lufs"]
    moved = own_songs.rename(tmp_path / "moved")
    again, _ = features.feature_table(Folder(moved).songs(), index=index, **OPTIONS)
    pd.testing.assert_frame_equal(again, first)
    assert len(asked) == 6
    features.feature_table(Folder(moved).songs(), index=index, **OPTIONS | {"seconds": 0.5})
    assert len(asked) == 12


def test_a_changed_song_is_described_anew(own_songs, tmp_path, asked):
    index = MetadataCache(tmp_path / "index")
    first, _ = features.feature_table(Folder(own_songs).songs(), index=index, **OPTIONS)
    path = own_songs / "rock" / "a" / "song.flac"
    audio, rate = soundfile.read(path)
    soundfile.write(path, 0.5 * audio, rate)
    again, _ = features.feature_table(Folder(own_songs).songs(), index=index, **OPTIONS)
    assert len(asked) == 7
    gone_db = (first.set_index("song").rms_db - again.set_index("song").rms_db).round(2)
    assert sorted(gone_db) == [0.0] * 5 + [6.02]


def test_a_damaged_song_is_named_and_left_out(own_songs, tmp_path):
    path = own_songs / "jazz" / "d" / "song.flac"
    blob = path.read_bytes()
    path.write_bytes(blob[: len(blob) // 20])
    found, skipped = features.feature_table(
        Folder(own_songs).songs(), index=MetadataCache(), **OPTIONS
    )
    assert len(found) == 5
    ((file, reason),) = skipped
    assert file == str(path)
    assert "is damaged" in reason


def test_from_the_command_line(own_songs, tmp_path, command):
    words = ["data=folder", f"data.root={own_songs}", "features=mix", "seconds=1"]
    said = command(features, *words, f"paths.data={tmp_path}", f"paths.outputs={tmp_path}/out")
    file = tmp_path / "out" / "features" / "folder.csv"
    assert f"6 songs: {file}" in said
    assert "loudness_lufs" in said
    assert len(pd.read_csv(file)) == 6


@pytest.mark.parametrize("page", sorted(p.stem for p in (config_folder() / "features").iterdir()))
def test_every_page_composes_and_describes(page, compose, songs_folder):
    cfg = compose("data=folder", f"data.root={songs_folder}", f"features={page}", page="features")
    (song, *_) = build_source(cfg).songs()
    found, _ = features.feature_table([song], cfg.features.families, 1.0, 22_050, MetadataCache())
    text = (config_folder() / "features" / f"{page}.yaml").read_text()
    assert "\n# make features" in text
    (said,) = re.findall(r"(\d+) numbers per song", text)
    assert found.shape == (1, 4 + int(said))


def test_nonsense_is_named(own_songs):
    songs = Folder(own_songs).songs()
    with pytest.raises(ValueError, match="seconds must be above 0, got 0"):
        features.feature_table(songs, index=MetadataCache(), **OPTIONS | {"seconds": 0})
    with pytest.raises(ValueError, match="'tone' is none"):
        features.feature_table(songs, index=MetadataCache(), **OPTIONS | {"families": ["tone"]})
