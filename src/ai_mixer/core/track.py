"""A track of a song, and the roles that tracks have."""

from dataclasses import dataclass
from pathlib import Path

ROLES = ("drums", "bass", "vocals", "chords", "lead", "pad", "effects", "other")
"""Roles of a track in a song. A role that is not given has the index −1."""

MAX_TRACKS = 64  # of a song


@dataclass(frozen=True)
class Track:
    """One recorded source of a song: a file as long as the song, starting with it.

    name: unique within the song. role: one of ROLES, or None if it is unknown.
    """

    name: str
    path: Path
    role: str | None = None

    @property
    def role_index(self) -> int:
        """Index into ROLES, −1 for no role."""
        return ROLES.index(self.role) if self.role in ROLES else -1
