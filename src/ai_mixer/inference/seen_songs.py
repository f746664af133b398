"""The songs that a model has seen in training, in a file beside its weights.

Evaluations leave them out (`evaluation.holdout_filter`). The file has no names and no paths, so it
is part of a packaged model too.
"""

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import probe
from ai_mixer.core.types import Song
from ai_mixer.data.audio_fingerprint import VERSION
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_set import SongSet, digest_numbers
from ai_mixer.utils.atomic_write import write_bytes

SEEN_SONGS_FILE = "seen_songs.safetensors"
_DIGESTS, _FINGERPRINTS = "digests", f"fingerprints {VERSION}"  # of this version of the algorithm


class SeenSongs(NamedTuple):
    """Songs by the split of the training.

    train: the weights were fitted to them. val: the epoch, the calibration and the weights of an
    ensemble's members were chosen on them. test: held out; digests only.
    """

    train: SongSet = SongSet()
    val: SongSet = SongSet()
    test: SongSet = SongSet()

    @property
    def learned_from(self) -> SongSet:
        """Songs of train and val."""
        return self.train.union(self.val)

    def combine(self, other: "SeenSongs") -> "SeenSongs":
        """Return the songs that two models have seen together; test: held out from both."""
        test = SongSet(np.intersect1d(self.test.digests, other.test.digests))
        train = self.train.union(other.train)
        return SeenSongs(train, self.val.union(other.val).difference(train), test)

    def save(self, folder: Path) -> Path:
        """Write the file into the folder of a model. Returns its path."""
        from safetensors.numpy import save

        arrays = {}
        for split, songs in self._asdict().items():
            arrays[f"{split}/{_DIGESTS}"] = songs.digests
            arrays[f"{split}/{_FINGERPRINTS}"] = songs.fingerprints
        write_bytes(folder / SEEN_SONGS_FILE, save(arrays))
        return folder / SEEN_SONGS_FILE

    @classmethod
    def _read(cls, file: Path) -> Self:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays = load(file.read_bytes())
            names = [(f"{split}/{_DIGESTS}", f"{split}/{_FINGERPRINTS}") for split in cls._fields]
            return cls(
                *(
                    SongSet(arrays[digests], arrays.get(prints, SongSet().fingerprints))
                    for digests, prints in names
                )
            )
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"{file} is damaged ({error}): copy it from the run again") from error


def load_seen_songs(folder: Path | None, cache: MetadataCache) -> SeenSongs | None:
    """Return the songs that the model in a folder has seen; None if unknown.

    A run of an older version has only split.csv and manifest.csv: the digests are those of the
    first, and the fingerprints those of the files in the second that still exist. cache: of these
    fingerprints. ValueError if the file is damaged.
    """
    if folder is None:
        return None
    if (folder / SEEN_SONGS_FILE).is_file():
        return SeenSongs._read(folder / SEEN_SONGS_FILE)
    try:
        songs = pd.read_csv(folder / "split.csv", dtype=str)
        by_split = songs.groupby("split")["audio"].agg(list)
    except (OSError, ValueError, KeyError):
        return None
    paths = _paths(folder / "manifest.csv")
    names = songs.groupby("split")["song"].agg(list)
    sets = {}
    for split in SeenSongs._fields:
        digests = SongSet(digest_numbers(by_split.get(split, [])))
        existing = [paths[name] for name in names.get(split, []) if name in paths]
        files = SongSet.of(_songs(existing), None if split == "test" else cache)
        sets[split] = digests.union(files)
    return SeenSongs(**sets)


def combine_seen_songs(models: Sequence[SeenSongs | None]) -> SeenSongs | None:
    """Return the songs that several models have seen; None if unknown for one of them."""
    known = [seen for seen in models if seen is not None]
    return reduce(SeenSongs.combine, known) if models and len(known) == len(models) else None


def _paths(manifest: Path) -> dict[str, Path]:
    """Song → file of a run's manifest.csv; empty without one."""
    try:
        table = pd.read_csv(manifest, dtype=str)
        return dict(zip(table["song"], map(Path, table["path"]), strict=True))
    except (OSError, ValueError, KeyError):
        return {}


def _songs(files: Sequence[Path]) -> list[Song]:
    """Songs of those files that can still be read."""
    songs = []
    for file in files:
        try:
            header = probe(file)
        except SongError:
            continue
        songs.append(Song(file.name, file, file.name, "", "", **header._asdict()))
    return songs
