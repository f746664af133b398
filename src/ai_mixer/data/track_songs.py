"""Songs with tracks from any source, and how one is added to a collection."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

from ai_mixer.core.roles import role_from_name
from ai_mixer.core.track import Track
from ai_mixer.core.types import Song
from ai_mixer.data.metadata_cache import FileMetadata
from ai_mixer.data.song_collector import SongCollector
from ai_mixer.data.split_assignment import Recording


class TrackFiles(NamedTuple):
    """The files of a song. mix: the finished mix, if there is a file of it.

    artist, licence: instead of those in the tags of the first track.
    """

    name: str
    tracks: tuple[Track, ...]
    mix: Path | None = None
    artist: str | None = None
    licence: str | None = None


class Source(Protocol):
    """A source of songs; those with tracks may have a method `track_songs`."""

    def songs(self) -> list[Song]:
        """All songs with their splits."""
        ...


def track_songs(source: Source) -> list[Song]:
    """Songs of a source with their tracks.

    From its method `track_songs` if it has one, else its songs with stems. ValueError if it has
    neither.
    """
    if (method := getattr(source, "track_songs", None)) is not None:
        return list(method())
    songs = [song for song in map(_with_stems_as_tracks, source.songs()) if song.tracks]
    if not songs:
        kind = type(source).__name__
        raise ValueError(
            f"the songs of {kind} have no tracks: use data=tracks, data=musdb18 or band"
        )
    return songs


def _with_stems_as_tracks(song: Song) -> Song:
    stems = sorted(song.stems.items())
    tracks = tuple(Track(name, path, role_from_name(name)) for name, path in stems)
    return song if song.tracks else replace(song, tracks=tracks)


def add_track_song(
    collector: SongCollector,
    files: TrackFiles,
    metadata: Mapping[Path, FileMetadata],
    recording: Recording,
) -> None:
    """Add a song whose tracks were all scanned. Its length is that of the longest track."""
    own = [metadata[track.path] for track in files.tracks]
    song = Song(
        id=files.name,
        path=files.mix or files.tracks[0].path,
        song=recording.song,
        group=recording.group,
        split="",
        duration_s=max(item.header.duration_s for item in own),
        sample_rate=max(item.header.sample_rate for item in own),
        channels=max(item.header.channels for item in own),
        genre=recording.genre,
        artist=files.artist or own[0].artist,
        licence=files.licence or own[0].licence,
        tracks=files.tracks,
    )
    collector.add(recording, song, own[0].digest)
