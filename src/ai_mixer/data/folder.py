"""A folder of songs: any tree of audio files, with or without a manifest.

Without a manifest the first sub-folder is the genre and the second the artist:
`rock/some band/song.wav`. A file directly in a genre folder has the artist of its tags, or is its
own group. Two sub-folders are special:

- `references/`: finished songs, also by genre and artist. A file with the same name as a song
  elsewhere in the folder is the reference of that song.
- `pairs/`: rough and finished versions (`paired_audio.py`).
"""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ai_mixer.audio.open_audio import SUFFIXES
from ai_mixer.audio.tags import normalize_text
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.audio_files import find_audio_files
from ai_mixer.data.manifest import collect_manifest, find_manifest, song_ids
from ai_mixer.data.metadata_cache import FileMetadata, MetadataCache
from ai_mixer.data.paired_audio import align_pairs, find_pairs
from ai_mixer.data.skipped_songs import warn_changed_files, warn_incomplete_files
from ai_mixer.data.song_collector import SongCollector, reference_song, split_songs
from ai_mixer.data.split_assignment import ALL_FOLDS, REFUSE, Recording
from ai_mixer.data.splits import parse_fold

ROOT_VARIABLE = "AI_MIXER_MUSIC"
REFERENCES, PAIRS = "references", "pairs"


class Folder:
    """Songs below `root` (default: the environment variable AI_MIXER_MUSIC).

    A sub-folder `finished/` is used as the root if it exists. manifest: default: `manifest.csv` in
    the root or the folder above. fold: test fold: a number of the manifest's column `fold`, `k/K`
    or `all`. index: folder of the metadata cache. near_duplicates: keep copies of a recording in
    one split, found by audio fingerprints. leaks: `refuse` or `allow` songs, groups and recordings
    in two splits. Raises ValueError if the folder does not exist or the fold needs a manifest.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        manifest: str | Path | None = None,
        fold: int | str | None = None,
        index: str | Path | None = None,
        near_duplicates: bool = False,
        leaks: str = REFUSE,
    ) -> None:
        chosen = root or os.environ.get(ROOT_VARIABLE)
        if not chosen:
            raise ValueError(
                f"data.root is not set: give data.root=/your/music or set {ROOT_VARIABLE}"
            )
        self.folder = Path(chosen).expanduser()
        if not self.folder.is_dir():
            raise ValueError(f"data.root={chosen}: no such folder")
        finished = self.folder / "finished"
        self.root = finished if finished.is_dir() else self.folder
        self.manifest = Path(manifest).expanduser() if manifest else find_manifest(self.root)
        given = fold is not None and fold != ALL_FOLDS
        if given and parse_fold(str(fold))[1] is None and self.manifest is None:
            raise ValueError(
                f"data.fold={fold}: needs a manifest with folds, {self.root} has none: "
                f"use data.fold={fold}/5 for five folds"
            )
        self.fold, self.near_duplicates, self.policy = fold, near_duplicates, leaks
        self.index = MetadataCache(index)
        self.skipped: list[SkippedSong] = []
        self.other_files: Counter[str] = Counter()  # suffix → pictures, texts … of the music
        self.leaks: list[str] = []

    def songs(self) -> list[Song]:
        """All songs, ordered by path or as in the manifest; sets `skipped` and `leaks`.

        Raises ValueError if there are none, or for leaks between splits unless they are allowed.
        """
        songs, self.skipped, self.leaks = split_songs(
            self.collector(),
            self.manifest or self.root,
            fold=self.fold,
            index=self.index,
            find_near_duplicates=self.near_duplicates,
            leaks=self.policy,
        )
        return sorted(songs, key=lambda song: song.path) if self.manifest is None else songs

    def collector(self) -> SongCollector:
        """All songs that were found, without their splits."""
        if self.manifest is None:
            return self._walk()
        return collect_manifest(self.manifest, self.root, self.index)

    def _walk(self) -> SongCollector:
        """Songs, references and pairs of a tree without a manifest."""
        trees = [self.root]
        if self.root != self.folder:  # the root is finished/, and they are next to it
            trees += [self.folder / REFERENCES, self.folder / PAIRS]
        found = find_audio_files(trees)
        files, self.other_files = found.audio, found.companions
        if not files and not found.skipped:
            kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
            raise ValueError(
                f"{self.root}: no audio files: put songs there ({kinds}) or set data.root"
            )
        scan = self.index.scan(files, self.folder)
        warn_changed_files(scan)
        warn_incomplete_files(scan)
        collector = SongCollector(skipped=[*found.skipped, *scan.skipped])
        pairs = self.folder / PAIRS
        paired = [file for file in scan.metadata if file.is_relative_to(pairs)]
        single = [file for file in scan.metadata if not file.is_relative_to(pairs)]
        names = [file.relative_to(self._tree(file)).as_posix() for file in single]
        for file, name, song_id in zip(single, names, song_ids(names), strict=True):
            _add_song(collector, file, scan.metadata[file], name, song_id)
        self._add_pairs(collector, paired, scan.metadata)
        _link_references(collector)
        if not collector.songs:
            raise ValueError(f"{self.root}: no usable song: {collector.skipped[0]}")
        return collector

    def _add_pairs(
        self, collector: SongCollector, files: list[Path], metadata: dict[Path, FileMetadata]
    ) -> None:
        pairs, unpaired = find_pairs(self.folder / PAIRS, files)
        lags_s, mismatched = align_pairs(pairs, metadata, self.index)
        collector.skipped += [*unpaired, *mismatched]
        for pair, lag_s in lags_s.items():
            name = f"{PAIRS}/{pair.name}"
            number = _add_song(collector, pair.after, metadata[pair.after], name, name)
            song = collector.songs[number]
            if pair.reference:
                reference = reference_song(song, pair.reference, metadata[pair.reference])
                song = replace(song, reference=reference)
            collector.songs[number] = replace(song, rough_path=pair.before, rough_lag_s=lag_s)

    def _tree(self, file: Path) -> Path:
        return self.root if file.is_relative_to(self.root) else self.folder


def _add_song(
    collector: SongCollector, file: Path, metadata: FileMetadata, name: str, song_id: str
) -> int:
    """Add a song whose relative path is `name`: [references | pairs]/genre/artist/song."""
    parts = Path(name).parts
    parts = parts[1:] if parts[0] in {REFERENCES, PAIRS} else parts
    genre = normalize_text(parts[0]) if len(parts) > 1 else metadata.genre
    artist = normalize_text(parts[1]) if len(parts) > 2 else metadata.artist
    stem = name.removesuffix(file.suffix)  # names of pairs have no suffix
    song = Song(
        id=song_id,
        path=file,
        song=stem,  # with the folders: two artists may both have a song.wav
        title=stem.rpartition("/")[2],
        group=artist or name,
        split="",
        **metadata.header._asdict(),
        genre=genre,
        artist=artist,
        licence=metadata.licence,
    )
    return collector.add(Recording(name, song.song, song.group, genre), song, metadata.digest)


def _link_references(collector: SongCollector) -> None:
    """Give songs the reference of the same name in references/, and link the two to one split."""
    by_name = {
        _name_without_folder(song): number
        for number, song in collector.songs.items()
        if _is_reference(song)
    }
    for number, song in list(collector.songs.items()):
        if _is_reference(song) or song.reference is not None:
            continue
        other = by_name.get(_name_without_folder(song))
        if other is not None:
            collector.songs[number] = replace(song, reference=collector.songs[other])
            collector.links.append((other, number, "a song and its reference"))


def _is_reference(song: Song) -> bool:
    return song.song.startswith(f"{REFERENCES}/")


def _name_without_folder(song: Song) -> str:
    """The song's name without references/ or pairs/."""
    first, _, name = song.song.partition("/")
    return normalize_text(name if first in {REFERENCES, PAIRS} else song.song)
