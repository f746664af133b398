"""A folder of songs: any tree of sound files, with a manifest or without.

Without a manifest the first sub-folder names the genre and the second the artist:
`rock/some band/song.wav`. What lies directly in a genre folder is an artist of its own.
"""

import os
from pathlib import Path

from ai_mixer.data.audio import SUFFIXES, SongError, probe
from ai_mixer.data.manifest import Found, find_manifest, read_manifest, song_ids
from ai_mixer.data.splits import split_by_group
from ai_mixer.types import Skipped, Song

ROOT_VARIABLE = "AI_MIXER_MUSIC"


class Folder:
    """Songs under `root` (default: the folder named by the variable AI_MIXER_MUSIC).

    A sub-folder `finished/` is preferred where there is one. `manifest` defaults to `manifest.csv`
    in the root or the folder above; `fold` picks one of its folds as the test.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        manifest: str | Path | None = None,
        fold: int | None = None,
    ) -> None:
        chosen = root or os.environ.get(ROOT_VARIABLE)
        if not chosen:
            raise ValueError(
                f"data.root is not set: say data.root=/your/music or set {ROOT_VARIABLE}"
            )
        folder = Path(chosen).expanduser()
        if not folder.is_dir():
            raise ValueError(f"data.root={chosen}: no such folder")
        finished = folder / "finished"
        self.root = finished if finished.is_dir() else folder
        self.manifest = Path(manifest).expanduser() if manifest else find_manifest(self.root)
        if fold is not None and self.manifest is None:
            raise ValueError(f"data.fold={fold}: folds come from a manifest, {self.root} has none")
        self.fold = fold
        self.skipped: list[Skipped] = []

    def songs(self) -> list[Song]:
        """All songs, ordered by path; `skipped` then says which were left out.

        ValueError if there is none.
        """
        if self.manifest is not None:
            songs, self.skipped = read_manifest(self.manifest, self.root, self.fold)
        else:
            songs, self.skipped = _walk(self.root)
        return songs


def _walk(root: Path) -> Found:
    """Songs of a tree without a manifest."""
    files, skipped = _sound_files(root)
    if not files and not skipped:
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise ValueError(f"{root}: no sound files: put songs there ({kinds}) or set data.root")
    headers = {}
    for file in files:
        try:
            headers[file] = probe(file)
        except SongError as error:
            skipped.append(Skipped(error.file, error.reason))
    if not headers:
        raise ValueError(f"{root}: not one of its songs can be used: {skipped[0]}")
    places = [file.relative_to(root) for file in headers]
    groups = [_group(place) for place in places]
    names = [place.as_posix() for place in places]
    splits = split_by_group(groups, names)
    songs = [
        Song(
            id=song_id,
            path=root / place,
            song=place.with_suffix("").as_posix(),  # two artists may both have a song.wav
            title=place.stem,
            group=group,
            split=split,
            genre=place.parts[0] if len(place.parts) > 1 else None,
            artist=place.parts[1] if len(place.parts) > 2 else None,
            **headers[root / place]._asdict(),
        )
        for place, song_id, group, split in zip(
            places, song_ids(names), groups, splits, strict=True
        )
    ]
    return Found(songs, skipped)


def _sound_files(root: Path) -> tuple[list[Path], list[Skipped]]:
    """Sound files of a tree, in order, and folders that cannot be read; hidden ones are neither."""
    files: list[Path] = []
    locked: list[Skipped] = []

    def refused(error: OSError) -> None:
        locked.append(Skipped(str(error.filename), str(error.strerror)))

    for folder, folders, names in os.walk(root, onerror=refused):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(file for file in files if file.suffix.lower() in SUFFIXES), locked


def _group(place: Path) -> str:
    """The artist's folder below the genre, else the file itself."""
    return place.parts[1] if len(place.parts) > 2 else place.as_posix()
