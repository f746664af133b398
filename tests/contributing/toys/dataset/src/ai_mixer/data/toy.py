"""A toy dataset: FLAC files in one folder per artist."""

from pathlib import Path

from ai_mixer.audio.excerpt import probe
from ai_mixer.core.types import Song
from ai_mixer.data.splits import split_by_group


class Toy:
    """All FLAC files below `root`. ValueError if there are none."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)

    def songs(self) -> list[Song]:
        """All songs, each with its split."""
        files = sorted(self.root.rglob("*.flac"))
        if not files:
            raise ValueError(f"data.root={self.root}: no FLAC files")
        artists = [file.parent.name for file in files]
        names = [file.relative_to(self.root).as_posix() for file in files]
        splits = split_by_group(artists, names)
        return [
            Song(f"toy/{n}", file, n, artist, split, **probe(file)._asdict())
            for file, n, artist, split in zip(files, names, artists, splits, strict=True)
        ]
