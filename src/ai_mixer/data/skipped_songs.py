"""Warnings of skipped songs: one per song, up to a limit."""

import warnings
from collections.abc import Iterable, Sequence

from ai_mixer.core.types import SkippedSong
from ai_mixer.data.metadata_cache import ScanResult

MAX_NAMED = 3  # songs listed in one warning
MAX_WARNINGS = 10  # during training; further songs are counted only


class SkippedSongs:
    """Skipped songs. `reasons`: file → reason, in the order of `add`."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self._warned = 0

    def __len__(self) -> int:
        return len(self.reasons)

    def mark_warned(self, skipped: Iterable[tuple[str, str]]) -> None:
        """Add songs without a warning."""
        self.reasons |= dict(skipped)

    def add(self, skipped: Iterable[SkippedSong]) -> None:
        """Add songs, with a warning for each that is new."""
        for song in skipped:
            if song.file not in self.reasons:
                self.reasons[song.file] = song.reason
                self._warn(song)

    def rows(self) -> list[dict[str, str]]:
        """Table with the columns file and reason."""
        return [{"file": file, "reason": reason} for file, reason in self.reasons.items()]

    def _warn(self, song: SkippedSong) -> None:
        self._warned += 1
        if self._warned <= MAX_WARNINGS:
            warnings.warn(f"song skipped: {song}", stacklevel=3)
        if self._warned == MAX_WARNINGS:
            warnings.warn("further skipped songs are counted without a warning", stacklevel=3)


def warn_skipped(skipped: Sequence[SkippedSong]) -> None:
    """One warning for all songs that were skipped when the collection was read."""
    if skipped:
        warn_listed("song skipped", "songs skipped", [str(song) for song in skipped])


def warn_changed_files(scan: ScanResult) -> None:
    """Warn of files that changed or were removed since the metadata cache was written."""
    if scan.changed:
        what = "changed since the folder was last read"
        warn_listed(f"a song has {what}", f"songs have {what}", scan.changed)
    if scan.removed:
        what = "removed since the folder was last read"
        warn_listed(f"a song was {what}", f"songs were {what}", scan.removed)


def warn_incomplete_files(scan: ScanResult) -> None:
    """Warn of files that can be read in part only; what can be read is used."""
    notes = [
        f"{file} {metadata.missing}" for file, metadata in scan.metadata.items() if metadata.missing
    ]
    if notes:
        what = "cannot be read whole, what can be read is used"
        warn_listed(f"a song {what}", f"songs {what}", notes)


def warn_listed(singular: str, plural: str, names: Sequence[str]) -> None:
    """Warn in one line: the message for one or several songs, and the first names."""
    what = singular if len(names) == 1 else f"{len(names)} {plural}"
    more = ", …" if len(names) > MAX_NAMED else ""
    warnings.warn(f"{what}: {', '.join(names[:MAX_NAMED])}{more}", stacklevel=3)
