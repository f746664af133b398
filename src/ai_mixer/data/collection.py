"""Base class of published data sets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ai_mixer.audio.errors import SongError
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.skipped_songs import warn_incomplete_files


class Collection:
    """A data set below `root`, in the layout of its publication, which the subclass defines.

    index: folder of the metadata cache. ValueError if `root` is None.
    """

    name: str
    layout: str  # what `root` must contain, for error messages

    def __init__(self, root: str | Path | None, index: str | Path | None = None) -> None:
        if root is None:  # removed from the config of a packaged model
            raise ValueError(
                f"data.root is not set: give data={self.name} data.root=/my/{self.name}"
            )
        self.root = Path(root).expanduser()
        self.index = MetadataCache(index)
        self.skipped: list[SkippedSong] = []

    def songs(self) -> list[Song]:
        """All usable songs, in the order of `rows`; `skipped` then holds the others and why.

        Raises ValueError if the root does not exist or has another layout, or no song is usable.
        """
        if not self.root.is_dir():
            config = f"configs/data/{self.name}.yaml"
            raise ValueError(f"data.root={self.root}: no such folder; how to get it: {config}")
        self.skipped = []
        rows = self.rows()
        scan = self.index.scan([row["path"] for row in rows])
        warn_incomplete_files(scan)
        metadata = scan.metadata
        self.skipped += scan.skipped
        usable = [row for row in rows if row["path"] in metadata]
        songs = [Song(**row, **metadata[row["path"]].header._asdict()) for row in usable]
        if not songs:
            reason = f"the first: {self.skipped[0]}" if self.skipped else f"it needs {self.layout}"
            raise ValueError(f"{self.root}: no usable song of {self.name}; {reason}")
        return songs

    def rows(self) -> Sequence[dict[str, Any]]:
        """Fields of each `Song` except those of the audio header; opens no audio file."""
        raise NotImplementedError

    def layout_error(self, path: object) -> ValueError:
        """An error for a path of the published layout that does not exist."""
        return ValueError(f"{path}: not found; data.root={self.root} needs {self.layout}")

    def skip(self, file: Path, reason: str) -> None:
        """Record that a song is skipped."""
        self.skipped.append(SkippedSong(SongError(file, reason).file, reason))
