"""Songs that are left out: each is named once, all are counted."""

import warnings
from collections.abc import Iterable, Sequence

from ai_mixer.core.types import SkippedSong
from ai_mixer.data.metadata_cache import ScanResult

MAX_NAMED = 3  # songs named in one warning …
MAX_WARNINGS = 10  # … and warnings while training; the rest is counted


class SkippedSongs:
    """What was left out so far. `reasons`: file → why, in the order met."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self._warned = 0

    def __len__(self) -> int:
        return len(self.reasons)

    def mark_warned(self, skipped: Iterable[tuple[str, str]]) -> None:
        """Songs somebody has warned of before."""
        self.reasons |= dict(skipped)

    def add(self, skipped: Iterable[SkippedSong]) -> None:
        """Warn of those not met before."""
        for song in skipped:
            if song.file not in self.reasons:
                self.reasons[song.file] = song.reason
                self._warn(song)

    def rows(self) -> list[dict[str, str]]:
        """A table: file, reason."""
        return [{"file": file, "reason": reason} for file, reason in self.reasons.items()]

    def _warn(self, song: SkippedSong) -> None:
        self._warned += 1
        if self._warned <= MAX_WARNINGS:
            warnings.warn(f"song skipped: {song}", stacklevel=3)
        if self._warned == MAX_WARNINGS:
            warnings.warn("more songs like these are only counted from here on", stacklevel=3)


def warn_skipped(skipped: Sequence[SkippedSong]) -> None:
    """One line for all songs left out from the start."""
    if skipped:
        warn_listed("song skipped", "songs skipped", [str(song) for song in skipped])


def warn_changed_files(scan: ScanResult) -> None:
    """Files that are other than the index knew them, or gone; it knows by now."""
    if scan.changed:
        fate = "changed since the folder was last read"
        warn_listed(f"a song has {fate}", f"songs have {fate}", scan.changed)
    if scan.removed:
        fate = "gone since the folder was last read"
        warn_listed(f"a song is {fate}", f"songs are {fate}", scan.removed)


def warn_listed(one: str, many: str, names: Sequence[str]) -> None:
    """One line: what it is, of how many songs, and the first names."""
    what = one if len(names) == 1 else f"{len(names)} {many}"
    more = ", …" if len(names) > MAX_NAMED else ""
    warnings.warn(f"{what}: {', '.join(names[:MAX_NAMED])}{more}", stacklevel=3)
