"""The feature table: one row per song, cached by the content of the files."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from ai_mixer.cli.stages import features
from ai_mixer.config.folder import config_folder
from ai_mixer.core.types import Song
from ai_mixer.data.feature_table import compute_features, feature_table
from ai_mixer.data.folder import Folder
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.training.builders import build_source

OPTIONS = {"families": ["levels", "stereo"], "seconds": 1.0, "sample_rate": 44_100}


@pytest.fixture
def own_songs(songs_folder, tmp_path):
    return shutil.copytree(songs_folder, tmp_path / "songs")


@pytest.fixture
def computed(monkeypatch):
    """Calls that computed features."""
    calls = []

    def counted(*args):
        calls.append(args)
        return compute_features(*args)

    monkeypatch.setattr("ai_mixer.data.feature_table.compute_features", counted)
    return calls


def test_one_row_per_song_and_features_are_cached(own_songs, tmp_path, computed):
    index = MetadataCache(tmp_path / "index")
    first, skipped = feature_table(Folder(own_songs).songs(), index=index, **OPTIONS)
    assert not skipped
    assert len(first) == len(computed) == 6
    assert list(first.columns[:5]) == ["song", "group", "genre", "split", "loudness_lufs"]
    moved = own_songs.rename(tmp_path / "moved")
    repeated, _ = feature_table(Folder(moved).songs(), index=index, **OPTIONS)
    pd.testing.assert_frame_equal(repeated, first)
    assert len(computed) == 6
    feature_table(Folder(moved).songs(), index=index, **OPTIONS | {"seconds": 0.5})
    assert len(computed) == 12


def test_features_of_a_changed_song_are_recomputed(own_songs, tmp_path, computed):
    index = MetadataCache(tmp_path / "index")
    first, _ = feature_table(Folder(own_songs).songs(), index=index, **OPTIONS)
    path = own_songs / "rock" / "a" / "song.flac"
    audio, rate = soundfile.read(path)
    soundfile.write(path, 0.5 * audio, rate)
    repeated, _ = feature_table(Folder(own_songs).songs(), index=index, **OPTIONS)
    assert len(computed) == 7
    change_db = (first.set_index("song").rms_db - repeated.set_index("song").rms_db).round(2)
    assert sorted(change_db) == [0.0] * 5 + [6.02]


def test_damaged_song_is_skipped_with_its_file(own_songs, tmp_path):
    path = own_songs / "jazz" / "d" / "song.flac"
    blob = path.read_bytes()
    start, stop = len(blob) // 4, len(blob) * 3 // 4
    path.write_bytes(blob[:start] + bytes(stop - start) + blob[stop:])
    table, skipped = feature_table(Folder(own_songs).songs(), index=MetadataCache(), **OPTIONS)
    assert len(table) == 5
    ((file, reason),) = skipped
    assert file == str(path)
    assert "is damaged" in reason


@pytest.mark.slow
def test_stage_writes_a_csv_file(own_songs, tmp_path, command):
    overrides = ["data=folder", f"data.root={own_songs}", "features=mix", "seconds=1"]
    printed = command(
        features, *overrides, f"paths.data={tmp_path}", f"paths.outputs={tmp_path}/out"
    )
    file = tmp_path / "out" / "features" / "folder.csv"
    assert f"6 songs: {file}" in printed
    assert "loudness_lufs" in printed
    assert len(pd.read_csv(file)) == 6


@pytest.mark.parametrize("name", sorted(p.stem for p in (config_folder() / "features").iterdir()))
def test_every_option_has_the_documented_number_of_features(name, compose, songs_folder):
    cfg = compose("data=folder", f"data.root={songs_folder}", f"features={name}", page="features")
    (song, *_) = build_source(cfg).songs()
    table, _ = feature_table([song], cfg.features.families, 1.0, 22_050, MetadataCache())
    text = (config_folder() / "features" / f"{name}.yaml").read_text()
    assert "\n# make features" in text
    (number,) = re.findall(r"(\d+) numbers per song", text)
    assert table.shape == (1, 4 + int(number))


def test_invalid_arguments_raise(own_songs):
    songs = Folder(own_songs).songs()
    with pytest.raises(ValueError, match=r"seconds .*got 0"):
        feature_table(songs, index=MetadataCache(), **OPTIONS | {"seconds": 0})
    with pytest.raises(ValueError, match="'tone'"):
        feature_table(songs, index=MetadataCache(), **OPTIONS | {"families": ["tone"]})


@pytest.mark.parametrize("name", ["rock/a/song.flac", "manifest.csv", "link.csv"])
def test_the_table_replaces_no_song_and_no_manifest(own_songs, name):
    manifest = own_songs / "manifest.csv"
    manifest.write_text("file\n")
    (own_songs / "link.csv").symlink_to("rock/b/song.flac")
    songs = [Path(path) for path in own_songs.rglob("*.flac")]
    songs = [Song(path.name, path, "", "", "train", 3.0, 44_100, 2) for path in songs]
    with pytest.raises((ValueError, OSError), match=re.escape(Path(name).name)):
        features.check_table_path(own_songs / name, songs, manifest)
    features.check_table_path(own_songs / "table.csv", songs, manifest)
