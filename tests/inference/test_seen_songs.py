"""The file of seen songs beside a model, and what older runs have instead."""

import numpy as np
import pandas as pd
import pytest

from ai_mixer.data.file_digest import song_digests
from ai_mixer.data.folder import Folder
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_set import SongSet
from ai_mixer.inference.pretrained import list_models, model_folder
from ai_mixer.inference.seen_songs import SEEN_SONGS_FILE, SeenSongs, combine_seen_songs
from ai_mixer.inference.seen_songs import load_seen_songs as load_with_cache


@pytest.fixture
def songs(songs_folder):
    return Folder(songs_folder).songs()


def load_seen_songs(folder):
    return load_with_cache(folder, MetadataCache())


def sets(*splits):
    return SeenSongs(*(SongSet.of(songs, MetadataCache()) for songs in splits))


def test_file_keeps_digests_and_fingerprints(songs, tmp_path):
    seen = sets(songs[:3], songs[3:4], songs[4:])
    file = seen.save(tmp_path)
    for before, after in zip(seen, load_seen_songs(tmp_path), strict=True):
        assert np.array_equal(before.digests, after.digests)
        assert np.array_equal(before.fingerprints, after.fingerprints)
    first = file.read_bytes()
    assert seen.save(tmp_path).read_bytes() == first  # deterministic
    assert len(first) < 1000 + 2 * 600 * len(songs)  # two of stereo
    assert not any(str(song.path.parent).encode() in first for song in songs)


def test_fingerprints_of_another_version_are_not_compared(songs, tmp_path, monkeypatch):
    sets(songs, [], []).save(tmp_path)
    monkeypatch.setattr("ai_mixer.inference.seen_songs._FINGERPRINTS", "fingerprints 99")
    loaded = load_seen_songs(tmp_path).train
    assert len(loaded.fingerprints) == 0
    assert loaded.contains(songs, MetadataCache()).all()


def test_model_without_a_record_is_unknown(tmp_path):
    assert load_seen_songs(tmp_path) is None
    assert load_seen_songs(None) is None
    (tmp_path / "split.csv").write_text("song,split\na,train\n")  # without digests
    assert load_seen_songs(tmp_path) is None


def test_damaged_file_is_an_error(tmp_path):
    (tmp_path / SEEN_SONGS_FILE).write_bytes(b"not a file of tensors")
    with pytest.raises(ValueError, match=rf"{SEEN_SONGS_FILE} is damaged .*: copy it"):
        load_seen_songs(tmp_path)


def test_older_run_is_read_from_its_split_and_manifest(songs, tmp_path):
    """The digests are those of split.csv, also of songs whose files were moved."""
    splits = ["train", "train", "val", "val", "test", "test"]
    names = [song.id for song in songs]
    table = {"song": names, "split": splits, "audio": song_digests(songs)}
    pd.DataFrame(table).to_csv(tmp_path / "split.csv", index=False)
    seen = load_seen_songs(tmp_path)
    assert seen.train.contains_digest(songs).tolist() == [True] * 2 + [False] * 4
    assert seen.learned_from.contains_digest(songs).tolist() == [True] * 4 + [False] * 2
    assert seen.test.contains_digest(songs).tolist() == [False] * 4 + [True] * 2
    assert len(seen.train.fingerprints) == 0
    paths = [song.path for song in songs[1:]] + [tmp_path / "moved.wav"]
    manifest = {"song": [*names[1:], names[0]], "path": paths}
    pd.DataFrame(manifest).to_csv(tmp_path / "manifest.csv", index=False)
    assert len(load_seen_songs(tmp_path).train.fingerprints) == 2  # stereo


def test_models_combined_have_seen_all_and_hold_out_what_all_hold_out(songs):
    one, two = sets(songs[:2], songs[2:3], songs[3:]), sets(songs[2:4], songs[4:5], songs[5:])
    both = combine_seen_songs([one, two])
    assert both.train.contains_digest(songs).tolist() == [True] * 4 + [False] * 2
    assert both.learned_from.contains_digest(songs).tolist() == [True] * 5 + [False]
    assert both.test.contains_digest(songs).tolist() == [False] * 5 + [True]
    assert both.val.contains_digest(songs).tolist() == [False] * 4 + [True, False]
    assert combine_seen_songs([one, None]) is None


def test_packaged_models_have_fingerprints_of_this_version():
    """After a change of the algorithm they are computed again from the music."""
    for name in list_models():
        seen = load_seen_songs(model_folder(name))
        assert len(seen.train.fingerprints) >= len(seen.train.digests) > 0
