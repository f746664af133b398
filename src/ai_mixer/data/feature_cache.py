"""Cache of the features of examples: one safetensors file per song, read row by row."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ai_mixer.core.types import Song
from ai_mixer.data.file_digest import song_digest
from ai_mixer.utils.atomic_write import atomic_write

Row = TypeVar("Row", bound=tuple[Tensor, ...])


class CachedRow(NamedTuple):
    """One example: levels [3, …] and statistics [3, S] in half precision; knobs [P], mask [P]."""

    levels: Tensor
    statistics: Tensor
    knobs: Tensor
    mask: Tensor


class FeatureCache(Generic[Row]):
    """Rows by song and number, in `folder`. Files are named by the digest of the song's files.

    row_class: a named tuple of tensors, of equal shapes in all rows of a song; one is `knobs`.
    """

    def __init__(
        self,
        folder: Path,
        row_class: type[Row] = CachedRow,  # type: ignore[assignment]
    ) -> None:
        self.folder, self.row_class = folder, row_class
        self._files: dict[str, Path] = {}
        self._open: dict[Path, Any] = {}

    def has(self, song: Song, rows: int) -> bool:
        """Whether at least so many rows are cached, or the song is marked as unusable (no rows)."""
        return self._file(song).exists() and (not self.count(song) or self.count(song) >= rows)

    def count(self, song: Song) -> int:
        """Number of cached rows."""
        file = self._file(song)
        return int(self._reader(file).get_slice("knobs").get_shape()[0]) if file.exists() else 0

    def rng_stream_of(self, song: Song) -> int:
        """Seed of the song's examples: its digest as a number."""
        return int(self._file(song).stem, 16)

    def row(self, song: Song, number: int) -> Row:
        """Read a row. FileNotFoundError if the song is not cached, IndexError if the row is not."""
        reader = self._reader(self._file(song))
        fields = self.row_class._fields  # type: ignore[attr-defined]
        return self.row_class(*(reader.get_slice(name)[number] for name in fields))

    def append(self, song: Song, rows: Sequence[Row]) -> None:
        """Append rows; the file is replaced atomically. A file without rows: unusable song."""
        file = self._file(song)
        cached = [self.row(song, number) for number in range(self.count(song))]
        fields = self.row_class._fields  # type: ignore[attr-defined]
        stacked = zip(*(cached + list(rows)), strict=True) if cached or rows else [[]] * len(fields)
        tensors = {
            name: torch.stack(list(column)) if column else torch.zeros(0)
            for name, column in zip(fields, stacked, strict=True)
        }
        with atomic_write(file) as temporary:
            save_file(tensors, temporary)
        self._open.pop(file, None)

    def _file(self, song: Song) -> Path:
        if song.id not in self._files:
            self._files[song.id] = self.folder / f"{song_digest(song)[:16]}.safetensors"
        return self._files[song.id]

    def _reader(self, file: Path) -> Any:
        if file not in self._open:
            self._open[file] = safe_open(file, "pt")
        return self._open[file]
