"""A folder of songs: any tree of sound files, with a manifest or without.

Without a manifest the first sub-folder names the genre and the second the artist:
`rock/some band/song.wav`. What lies directly in a genre folder is an artist of its own, unless its
tags name one. Two sub-folders are special:

- `references/`: finished songs like the others, by genre and artist too. One that is called like a
  song elsewhere in the folder is what that song is meant to sound like.
- `pairs/`: before and after (`pairs.py`).
"""

import os
from dataclasses import replace
from pathlib import Path

from ai_mixer.audio.excerpt import SUFFIXES
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.manifest import collect_manifest, find_manifest, song_ids
from ai_mixer.data.metadata_cache import FileMetadata, MetadataCache
from ai_mixer.data.paired_audio import align_pairs, find_pairs
from ai_mixer.data.skipped_songs import warn_changed_files
from ai_mixer.data.song_collector import SongCollector, reference_song, split_songs
from ai_mixer.data.split_assignment import ALL_FOLDS, REFUSE, Recording
from ai_mixer.data.splits import parse_fold

ROOT_VARIABLE = "AI_MIXER_MUSIC"
REFERENCES, PAIRS = "references", "pairs"


class Folder:
    """Songs under `root` (default: the folder named by the variable AI_MIXER_MUSIC).

    A sub-folder `finished/` is preferred where there is one. `manifest` defaults to `manifest.csv`
    in the root or the folder above. fold: a fold of the manifest's own as the test, `k/K` or `all`.
    index: the folder where headers are kept from one time to the next; near_duplicates: listen for
    recordings that are there twice; leaks: `refuse` or `allow` what is on two sides.
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
                f"data.root is not set: say data.root=/your/music or set {ROOT_VARIABLE}"
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
                f"data.fold={fold}: folds come from a manifest, {self.root} has none: "
                f"data.fold={fold}/5 makes five"
            )
        self.fold, self.near_duplicates, self.policy = fold, near_duplicates, leaks
        self.index = MetadataCache(index)
        self.skipped: list[SkippedSong] = []
        self.leaks: list[str] = []

    def songs(self) -> list[Song]:
        """All songs, ordered by path; afterwards `skipped` says which were left out.

        ValueError if there is none, or if a song, a group or a recording is on two sides.
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
        """All that was found, before it is dealt out."""
        if self.manifest is None:
            return self._walk()
        return collect_manifest(self.manifest, self.root, self.index)

    def _walk(self) -> SongCollector:
        """Songs, references and pairs of a tree without a manifest."""
        trees = [self.root]
        if self.root != self.folder:  # finished/: the two are beside it
            trees += [self.folder / REFERENCES, self.folder / PAIRS]
        files, locked = _audio_files(trees)
        if not files and not locked:
            kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
            raise ValueError(
                f"{self.root}: no sound files: put songs there ({kinds}) or set data.root"
            )
        scan = self.index.scan(files, self.folder)
        warn_changed_files(scan)
        collector = SongCollector(skipped=[*locked, *scan.skipped])
        paired = [file for file in scan.metadata if file.is_relative_to(self.folder / PAIRS)]
        whole = {
            file: metadata for file, metadata in scan.metadata.items() if file not in set(paired)
        }
        names = [file.relative_to(self._tree(file)).as_posix() for file in whole]
        for (file, metadata), name, song_id in zip(
            whole.items(), names, song_ids(names), strict=True
        ):
            _add_song(collector, file, metadata, name, song_id)
        self._add_pairs(collector, paired, scan.metadata)
        _link_references(collector)
        if not collector.songs:
            raise ValueError(
                f"{self.root}: not one of its songs can be used: {collector.skipped[0]}"
            )
        return collector

    def _add_pairs(
        self, collector: SongCollector, files: list[Path], metadata: dict[Path, FileMetadata]
    ) -> None:
        pairs, alone = find_pairs(self.folder / PAIRS, files)
        fit, misfits = align_pairs(pairs, metadata, self.index)
        collector.skipped += [*alone, *misfits]
        for pair, lag_s in fit.items():
            name = f"{PAIRS}/{pair.name}"
            number = _add_song(collector, pair.after, metadata[pair.after], name, name)
            song = collector.songs[number]
            if pair.reference:
                song = replace(
                    song, reference=reference_song(song, pair.reference, metadata[pair.reference])
                )
            collector.songs[number] = replace(song, rough_path=pair.before, rough_lag_s=lag_s)

    def _tree(self, file: Path) -> Path:
        return self.root if file.is_relative_to(self.root) else self.folder


def _add_song(
    collector: SongCollector, file: Path, metadata: FileMetadata, name: str, song_id: str
) -> int:
    """A song by where it lies, `name`: [references | pairs]/genre/artist/song."""
    parts = Path(name).parts
    parts = parts[1:] if parts[0] in {REFERENCES, PAIRS} else parts
    genre = parts[0] if len(parts) > 1 else metadata.genre
    artist = parts[1] if len(parts) > 2 else metadata.artist
    bare = name.removesuffix(file.suffix)  # that of a pair names a folder
    song = Song(
        id=song_id,
        path=file,
        song=bare,  # two artists may both have a song.wav
        title=bare.rpartition("/")[2],
        group=artist or name,
        split="",
        **metadata.header._asdict(),
        genre=genre,
        artist=artist,
        licence=metadata.licence,
    )
    return collector.add(Recording(name, song.song, song.group, genre), song, metadata.digest)


def _link_references(collector: SongCollector) -> None:
    """A song with a namesake in references/ gets it as its reference, and stays on its side."""
    by_name = {
        _name_without_folder(song): number
        for number, song in collector.songs.items()
        if _is_reference(song)
    }
    for number, song in list(collector.songs.items()):
        if (
            not _is_reference(song)
            and song.reference is None
            and _name_without_folder(song) in by_name
        ):
            other = by_name[_name_without_folder(song)]
            collector.songs[number] = replace(song, reference=collector.songs[other])
            collector.links.append((other, number, "a song and its reference"))


def _is_reference(song: Song) -> bool:
    return song.song.startswith(f"{REFERENCES}/")


def _name_without_folder(song: Song) -> str:
    """The song's name without the folder of pairs or references."""
    first, _, rest = song.song.partition("/")
    return rest if first in {REFERENCES, PAIRS} else song.song


def _audio_files(trees: list[Path]) -> tuple[list[Path], list[SkippedSong]]:
    """Sound files of trees, in order, and folders that cannot be read; hidden ones are neither."""
    files: list[Path] = []
    locked: list[SkippedSong] = []

    def refused(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            locked.append(SkippedSong(str(error.filename), str(error.strerror)))

    for tree in trees:
        for folder, folders, names in os.walk(tree, onerror=refused):
            folders[:] = [name for name in folders if not name.startswith(".")]
            files += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(file for file in files if file.suffix.lower() in SUFFIXES), locked
