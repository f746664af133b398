"""What published collections share: a root with a layout, and songs whose headers are indexed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ai_mixer.audio.excerpt import SongError
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.metadata_cache import MetadataCache


class Collection:
    """A data set as it is published, below `root`; a subclass knows its layout.

    index: the folder where headers are kept from one time to the next.
    """

    name: str
    layout: str  # what `root` has to hold, in words for whoever has something else

    def __init__(self, root: str | Path, index: str | Path | None = None) -> None:
        self.root = Path(root).expanduser()
        self.index = MetadataCache(index)
        self.skipped: list[SkippedSong] = []

    def songs(self) -> list[Song]:
        """All songs, ordered by path; `skipped` then says which were left out, and why.

        ValueError if the root or its layout is not there, or no song can be used.
        """
        if not self.root.is_dir():
            page = f"configs/data/{self.name}.yaml"
            raise ValueError(f"data.root={self.root}: no such folder; how to get it: {page}")
        self.skipped = []
        rows = self.rows()
        metadata, skipped, *_ = self.index.scan([row["path"] for row in rows])
        self.skipped += skipped
        usable = [row for row in rows if row["path"] in metadata]
        songs = [Song(**row, **metadata[row["path"]].header._asdict()) for row in usable]
        if not songs:
            why = f"the first: {self.skipped[0]}" if self.skipped else f"it needs {self.layout}"
            raise ValueError(f"{self.root}: no song of {self.name} can be used; {why}")
        return songs

    def rows(self) -> Sequence[dict[str, Any]]:
        """What is known of each song without opening it: all of `Song` but its header."""
        raise NotImplementedError

    def layout_error(self, what: object) -> ValueError:
        """An error for another layout than the published one."""
        return ValueError(f"{what}: not there; data.root={self.root} needs {self.layout}")

    def skip(self, file: Path, reason: str) -> None:
        """Leave a song out."""
        self.skipped.append(SkippedSong(SongError(file, reason).file, reason))
