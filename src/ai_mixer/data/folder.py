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
from ai_mixer.core.types import Skipped, Song
from ai_mixer.data.manifest import draft_manifest, find_manifest, song_ids
from ai_mixer.data.metadata_cache import Index, Known
from ai_mixer.data.paired_audio import find_pairs, lags
from ai_mixer.data.skipped_songs import warn_changed
from ai_mixer.data.song_collector import Draft, beside, settle
from ai_mixer.data.split_assignment import EVERY, REFUSE, Place
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
        given = fold is not None and fold != EVERY
        if given and parse_fold(str(fold))[1] is None and self.manifest is None:
            raise ValueError(
                f"data.fold={fold}: folds come from a manifest, {self.root} has none: "
                f"data.fold={fold}/5 makes five"
            )
        self.fold, self.near_duplicates, self.policy = fold, near_duplicates, leaks
        self.index = Index(index)
        self.skipped: list[Skipped] = []
        self.leaks: list[str] = []

    def songs(self) -> list[Song]:
        """All songs, ordered by path; afterwards `skipped` says which were left out.

        ValueError if there is none, or if a song, a group or a recording is on two sides.
        """
        songs, self.skipped, self.leaks = settle(
            self.draft(),
            self.manifest or self.root,
            fold=self.fold,
            index=self.index,
            listen=self.near_duplicates,
            leaks=self.policy,
        )
        return sorted(songs, key=lambda song: song.path) if self.manifest is None else songs

    def draft(self) -> Draft:
        """All that was found, before it is dealt out."""
        if self.manifest is None:
            return self._walk()
        return draft_manifest(self.manifest, self.root, self.index)

    def _walk(self) -> Draft:
        """Songs, references and pairs of a tree without a manifest."""
        trees = [self.root]
        if self.root != self.folder:  # finished/: the two are beside it
            trees += [self.folder / REFERENCES, self.folder / PAIRS]
        files, locked = _sound_files(trees)
        if not files and not locked:
            kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
            raise ValueError(
                f"{self.root}: no sound files: put songs there ({kinds}) or set data.root"
            )
        look = self.index.look(files, self.folder)
        warn_changed(look)
        draft = Draft(skipped=[*locked, *look.skipped])
        paired = [file for file in look.known if file.is_relative_to(self.folder / PAIRS)]
        whole = {file: known for file, known in look.known.items() if file not in set(paired)}
        names = [file.relative_to(self._tree(file)).as_posix() for file in whole]
        for (file, known), name, song_id in zip(whole.items(), names, song_ids(names), strict=True):
            _add(draft, file, known, name, song_id)
        self._add_pairs(draft, paired, look.known)
        _join_references(draft)
        if not draft.songs:
            raise ValueError(f"{self.root}: not one of its songs can be used: {draft.skipped[0]}")
        return draft

    def _add_pairs(self, draft: Draft, files: list[Path], known: dict[Path, Known]) -> None:
        pairs, alone = find_pairs(self.folder / PAIRS, files)
        fit, misfits = lags(pairs, known, self.index)
        draft.skipped += [*alone, *misfits]
        for pair, lag_s in fit.items():
            name = f"{PAIRS}/{pair.name}"
            number = _add(draft, pair.after, known[pair.after], name, name)
            song = draft.songs[number]
            if pair.reference:
                song = replace(song, reference=beside(song, pair.reference, known[pair.reference]))
            draft.songs[number] = replace(song, rough_path=pair.before, rough_lag_s=lag_s)

    def _tree(self, file: Path) -> Path:
        return self.root if file.is_relative_to(self.root) else self.folder


def _add(draft: Draft, file: Path, known: Known, name: str, song_id: str) -> int:
    """A song by where it lies, `name`: [references | pairs]/genre/artist/song."""
    parts = Path(name).parts
    parts = parts[1:] if parts[0] in {REFERENCES, PAIRS} else parts
    genre = parts[0] if len(parts) > 1 else known.genre
    artist = parts[1] if len(parts) > 2 else known.artist
    bare = name.removesuffix(file.suffix)  # that of a pair names a folder
    song = Song(
        id=song_id,
        path=file,
        song=bare,  # two artists may both have a song.wav
        title=bare.rpartition("/")[2],
        group=artist or name,
        split="",
        **known.header._asdict(),
        genre=genre,
        artist=artist,
        licence=known.licence,
    )
    return draft.add(Place(name, song.song, song.group, genre), song, known.digest)


def _join_references(draft: Draft) -> None:
    """A song with a namesake in references/ gets it as its reference, and stays on its side."""
    by_name = {_bare(song): number for number, song in draft.songs.items() if _is_reference(song)}
    for number, song in list(draft.songs.items()):
        if not _is_reference(song) and song.reference is None and _bare(song) in by_name:
            other = by_name[_bare(song)]
            draft.songs[number] = replace(song, reference=draft.songs[other])
            draft.bonds.append((other, number, "a song and its reference"))


def _is_reference(song: Song) -> bool:
    return song.song.startswith(f"{REFERENCES}/")


def _bare(song: Song) -> str:
    """The song's name without the folder of pairs or references."""
    first, _, rest = song.song.partition("/")
    return rest if first in {REFERENCES, PAIRS} else song.song


def _sound_files(trees: list[Path]) -> tuple[list[Path], list[Skipped]]:
    """Sound files of trees, in order, and folders that cannot be read; hidden ones are neither."""
    files: list[Path] = []
    locked: list[Skipped] = []

    def refused(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            locked.append(Skipped(str(error.filename), str(error.strerror)))

    for tree in trees:
        for folder, folders, names in os.walk(tree, onerror=refused):
            folders[:] = [name for name in folders if not name.startswith(".")]
            files += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(file for file in files if file.suffix.lower() in SUFFIXES), locked
