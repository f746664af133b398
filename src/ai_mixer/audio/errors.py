"""Errors of audio files."""

import os
from pathlib import Path


class SongError(ValueError):
    """A file that cannot be used, with the reason."""

    def __init__(self, file: str | Path, reason: str) -> None:
        # File names may be invalid Unicode, which tables and HTML pages cannot contain.
        self.file, self.reason = os.fsencode(file).decode("utf-8", "backslashreplace"), reason
        super().__init__(f"{self.file}: {reason}")


class DecodeError(OSError):
    """A file that the decoder cannot open, or samples that it cannot decode."""
