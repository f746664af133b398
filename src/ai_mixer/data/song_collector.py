"""Songs that were found and have no side yet, and how they get one."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.metadata_cache import FileMetadata, MetadataCache
from ai_mixer.data.near_duplicates import near_duplicates
from ai_mixer.data.split_assignment import REFUSE, Recording, assign_splits, check_leaks


class SplitSongs(NamedTuple):
    """Songs with their splits, what was left out, and leaks that were let through."""

    songs: list[Song]
    skipped: list[SkippedSong]
    leaks: list[str]


@dataclass
class SongCollector:
    """Places, and the songs there; a place without a song takes part in dealing out the sides.

    bonds: pairs of places that must not be parted, and why.
    """

    recordings: list[Recording] = field(default_factory=list)
    songs: dict[int, Song] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    links: list[tuple[int, int, str]] = field(default_factory=list)
    skipped: list[SkippedSong] = field(default_factory=list)

    def add(self, place: Recording, song: Song | None = None, digest: str = "") -> int:
        """Its number."""
        number = len(self.recordings)
        self.recordings.append(place)
        if song is not None:
            self.songs[number], self.digests[number] = song, digest
        return number


def reference_song(song: Song, file: Path, metadata: FileMetadata) -> Song:
    """What a song is meant to sound like, in a file of its own: of the same artist, genre, side."""
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
    """Give each song its split. source: what errors name.

    listen: find near-duplicates too, by what `index` keeps of the sound. ValueError if a song, a
    group or a recording is on two sides and leaks are not allowed.
    """
    links = [
        *collector.links,
        *(
            _near_duplicate_links(collector, index or MetadataCache())
            if find_near_duplicates
            else []
        ),
    ]
    sides = assign_splits(collector.recordings, links, fold)
    check_leaks(sides.leaks, source, leaks)
    songs = {n: replace(song, split=sides.splits[n]) for n, song in collector.songs.items()}
    return SplitSongs(list(songs.values()), collector.skipped, sides.leaks)


def _near_duplicate_links(
    collector: SongCollector, index: MetadataCache
) -> list[tuple[int, int, str]]:
    numbers = list(collector.songs)
    files = [(collector.songs[n].path, collector.digests[n]) for n in numbers]
    pairs = near_duplicates(index.fingerprints(files))
    return [(numbers[one], numbers[two], "the same recording") for one, two in pairs]
