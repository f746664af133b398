"""Songs are recognised by digest and by sound, whatever their name."""

import shutil

import numpy as np
import pytest
import soundfile

from ai_mixer.core.types import Song
from ai_mixer.data import song_set
from ai_mixer.data.file_digest import digest_file, song_digest
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_set import SongSet, digest_numbers
from data.test_near_duplicates import SAMPLE_RATE, music


def song_of(path, **fields):
    return Song(path.stem, path, path.stem, "", "", 12.0, SAMPLE_RATE, 1, **fields)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """a.wav, b.wav; `a` again under another name, and as a quieter mp3."""
    root = tmp_path_factory.mktemp("songs")
    for seed, name in enumerate("ab"):
        soundfile.write(root / f"{name}.wav", music(seed), SAMPLE_RATE)
    shutil.copy(root / "a.wav", root / "renamed.wav")
    soundfile.write(root / "encoded.mp3", 0.3 * music(0)[40_000:], SAMPLE_RATE)
    return root


@pytest.fixture
def cache(tmp_path):
    return MetadataCache(tmp_path)


def test_copies_are_recognised_by_digest_and_by_sound(folder, cache):
    known = SongSet.of([song_of(folder / "a.wav")], cache)
    songs = [song_of(folder / name) for name in ("renamed.wav", "encoded.mp3", "b.wav")]
    assert known.contains_digest(songs).tolist() == [True, False, False]
    assert known.contains(songs, cache).tolist() == [True, True, False]


def test_stereo_copies_with_one_channel_inverted_are_recognised(folder, cache):
    left, right = music(0), music(0) + 0.3 * music(3)
    paths = {name: folder / f"{name}.wav" for name in ("stereo", "inverted", "left_of_other")}
    soundfile.write(paths["stereo"], np.stack([left, right], 1) / 2, SAMPLE_RATE)
    soundfile.write(paths["inverted"], np.stack([left, -right], 1) / 3, SAMPLE_RATE)
    soundfile.write(paths["left_of_other"], np.stack([music(5), music(6)], 1) / 2, SAMPLE_RATE)
    known = SongSet.of([song_of(paths["stereo"])], cache)
    copies = [song_of(paths["inverted"]), song_of(paths["left_of_other"])]
    assert known.contains(copies, cache).tolist() == [True, False]


def test_set_without_fingerprints_compares_digests_only(folder, cache, monkeypatch):
    copies = [song_of(folder / name) for name in ("renamed.wav", "encoded.mp3")]
    assert SongSet.of(copies[:1], None).contains(copies, cache).tolist() == [True, False]
    monkeypatch.setattr(song_set, "MAX_FINGERPRINTS", 0)  # as for a million songs
    assert SongSet.of(copies[:1], cache).contains(copies, cache).tolist() == [True, False]


def test_excerpt_is_recognised_by_the_digest_of_its_source(folder, cache):
    """`make roughs` records it; an excerpt may be too short to be recognised by its sound."""
    excerpt = song_of(folder / "b.wav", source_digest=digest_file(folder / "a.wav"))
    assert SongSet.of([song_of(folder / "a.wav")], None).contains([excerpt], cache).all()
    assert SongSet.of([excerpt], None).contains([song_of(folder / "a.wav")], cache).all()


def test_digest_of_all_files_of_a_song_is_recognised(folder, cache):
    """Older runs have stored it in split.csv."""
    song = song_of(folder / "a.wav", dry_path=folder / "b.wav")
    assert SongSet(digest_numbers([song_digest(song)])).contains([song], cache).all()


def test_union_has_the_songs_of_both(folder, cache):
    one, two = (SongSet.of([song_of(folder / f"{name}.wav")], cache) for name in "ab")
    both = one.union(two).union(one)
    assert both.contains([song_of(folder / f"{name}.wav") for name in "ab"], cache).all()
    assert (len(both.digests), len(both.fingerprints)) == (2, 2)
    assert (np.diff(both.digests) > 0).all()


def test_empty_set_and_no_songs(folder, cache):
    assert SongSet().contains([song_of(folder / "a.wav")], cache).tolist() == [False]
    assert SongSet.of([], cache).contains([], cache).tolist() == []
