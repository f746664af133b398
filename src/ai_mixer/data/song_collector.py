"""Songs that were found and have no side yet, and how they get one."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ai_mixer.core.types import Skipped, Song
from ai_mixer.data.metadata_cache import Index, Known
from ai_mixer.data.near_duplicates import near_duplicates
from ai_mixer.data.split_assignment import REFUSE, Place, check_leaks, deal


class Settled(NamedTuple):
    """Songs with their splits, what was left out, and leaks that were let through."""

    songs: list[Song]
    skipped: list[Skipped]
    leaks: list[str]


@dataclass
class Draft:
    """Places, and the songs there; a place without a song takes part in dealing out the sides.

    bonds: pairs of places that must not be parted, and why.
    """

    places: list[Place] = field(default_factory=list)
    songs: dict[int, Song] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    bonds: list[tuple[int, int, str]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, place: Place, song: Song | None = None, digest: str = "") -> int:
        """Its number."""
        number = len(self.places)
        self.places.append(place)
        if song is not None:
            self.songs[number], self.digests[number] = song, digest
        return number


def beside(song: Song, file: Path, known: Known) -> Song:
    """What a song is meant to sound like, in a file of its own: of the same artist, genre, side."""
    name = f"{song.id}/reference"
    return replace(song, id=name, path=file, rough_path=None, **known.header._asdict())


def settle(
    draft: Draft,
    source: object,
    *,
    fold: int | str | None = None,
    index: Index | None = None,
    listen: bool = False,
    leaks: str = REFUSE,
) -> Settled:
    """Give each song its split. source: what errors name.

    listen: find near-duplicates too, by what `index` keeps of the sound. ValueError if a song, a
    group or a recording is on two sides and leaks are not allowed.
    """
    bonds = [*draft.bonds, *(_twins(draft, index or Index()) if listen else [])]
    sides = deal(draft.places, bonds, fold)
    check_leaks(sides.leaks, source, leaks)
    songs = {n: replace(song, split=sides.splits[n]) for n, song in draft.songs.items()}
    return Settled(list(songs.values()), draft.skipped, sides.leaks)


def _twins(draft: Draft, index: Index) -> list[tuple[int, int, str]]:
    numbers = list(draft.songs)
    files = [(draft.songs[n].path, draft.digests[n]) for n in numbers]
    pairs = near_duplicates(index.prints(files))
    return [(numbers[one], numbers[two], "the same recording") for one, two in pairs]
