"""Songs that were found in a collection, before and after their splits are assigned."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.metadata_cache import FileMetadata, MetadataCache
from ai_mixer.data.near_duplicates import near_duplicates
from ai_mixer.data.split_assignment import REFUSE, Recording, assign_splits, check_leaks


class SplitSongs(NamedTuple):
    """Songs with their splits, skipped songs, and leaks if they are allowed."""

    songs: list[Song]
    skipped: list[SkippedSong]
    leaks: list[str]


@dataclass
class SongCollector:
    """Recordings, and their songs by the recording's number.

    A recording without a song (skipped) still takes part in the assignment of splits. digests: of
    the songs' files. links: (number, number, reason) of recordings that must be in the same split.
    """

    recordings: list[Recording] = field(default_factory=list)
    songs: dict[int, Song] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    links: list[tuple[int, int, str]] = field(default_factory=list)
    skipped: list[SkippedSong] = field(default_factory=list)

    def add(self, recording: Recording, song: Song | None = None, digest: str = "") -> int:
        """Add a recording. Returns its number."""
        number = len(self.recordings)
        self.recordings.append(recording)
        if song is not None:
            self.songs[number], self.digests[number] = song, digest
        return number


def reference_song(song: Song, file: Path, metadata: FileMetadata) -> Song:
    """The reference of a song, from another file; with the artist, genre and split of the song."""
    name = f"{song.id}/reference"
    return replace(song, id=name, path=file, rough_path=None, **metadata.header._asdict())


def split_songs(
    collector: SongCollector,
    source: object,
    *,
    fold: int | str | None = None,
    index: MetadataCache | None = None,
    find_near_duplicates: bool = False,
    leaks: str = REFUSE,
) -> SplitSongs:
    """Assign a split to each song. source: path for error messages.

    find_near_duplicates: keep copies of a recording in one split; fingerprints are cached in
    `index`. leaks: "refuse" raises ValueError if a song, a group or a recording is in two splits,
    "allow" returns them.
    """
    links = list(collector.links)
    if find_near_duplicates:
        links += _near_duplicate_links(collector, index or MetadataCache())
    assignment = assign_splits(collector.recordings, links, fold)
    check_leaks(assignment.leaks, source, leaks)
    songs = [replace(song, split=assignment.splits[n]) for n, song in collector.songs.items()]
    return SplitSongs(songs, collector.skipped, assignment.leaks)


def _near_duplicate_links(
    collector: SongCollector, index: MetadataCache
) -> list[tuple[int, int, str]]:
    numbers = list(collector.songs)
    files = [(collector.songs[n].path, collector.digests[n]) for n in numbers]
    pairs = near_duplicates(index.fingerprints(files))
    return [(numbers[one], numbers[two], "the same recording") for one, two in pairs]
