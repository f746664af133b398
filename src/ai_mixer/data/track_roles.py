"""Roles from the sound for tracks of songs that have none, cached."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ai_mixer.core.track import Track
from ai_mixer.core.types import Song
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.role_classifier import VERSION, role_of_file


def with_roles_from_sound(songs: Sequence[Song], index: MetadataCache) -> list[Song]:
    """The songs with a role for each track without one whose sound makes a role likely.

    A file is analysed once, as long as it does not change: about 0.1 s of processor time.
    """
    lengths_s = {
        track.path: song.duration_s for song in songs for track in song.tracks if track.role is None
    }
    keys = {path: _key(path) for path in lengths_s}
    inputs = {key: path for path, key in keys.items()}

    def role(path: Path) -> bytes:
        return (role_of_file(path, lengths_s[path]) or "").encode()

    found = index.get_or_compute(inputs, role, "roles from the sound")
    roles = {path: found[key].decode() or None for path, key in keys.items()}

    def with_role(track: Track) -> Track:
        return track if track.role else replace(track, role=roles[track.path])

    return [replace(song, tracks=tuple(map(with_role, song.tracks))) for song in songs]


def _key(path: Path) -> str:
    status = path.stat()
    return f"role {VERSION} {path} {status.st_size} {status.st_mtime_ns}"
