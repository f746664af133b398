"""Limits of the application. The page shows them before an upload."""

from dataclasses import dataclass

from ai_mixer.audio.formats import FORMATS


@dataclass(frozen=True)
class Limits:
    """Limits of uploads, of stored songs and of the queue of jobs.

    free_bytes: what an upload leaves free on the disk. keep_days: songs that were not opened for
    this time are removed when the server starts.
    """

    upload_bytes: int = 1 << 30
    duration_s: float = 1800.0
    songs: int = 500
    queued_jobs: int = 500
    session_bytes: int = 1 << 23  # 64 tracks have 75 kB, and as much in each version
    free_bytes: int = 1 << 29
    keep_days: float = 90.0


EXPORT_FORMATS = tuple(suffix[1:] for suffix in FORMATS if suffix != ".aif")
