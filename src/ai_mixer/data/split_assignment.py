"""Which recording is on which side: nothing of one song, group or recording is on two.

Recordings that share a song, a group or their sound form a unit, which is dealt out as one. Sides
that a manifest gives are taken, and looked at: a unit on two of them is a leak.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ai_mixer.data.splits import deal_folds, parse_fold, split_by_fold, split_by_group

REFUSE, ALLOW = "refuse", "allow"
EVERY = "all"  # in place of a fold
THIN = 0.05  # of the songs, held out where every fold is trained on

Bonds = Sequence[tuple[int, int, str]]
"""Two places that belong on one side, and what they are to each other."""


class Place(NamedTuple):
    """What decides where a recording goes. split, fold: what its manifest says."""

    name: str
    song: str
    group: str
    genre: str | None = None
    split: str | None = None
    fold: int | None = None


class Sides(NamedTuple):
    """The split of each place, and what leaks: one line that names two of them."""

    splits: list[str]
    leaks: list[str]


def deal(places: Sequence[Place], bonds: Bonds = (), fold: int | str | None = None) -> Sides:
    """Take the sides that are given, deal out the others.

    bonds: more than the same song or group, such as the same recording. fold: None, a fold of the
    manifest's own, or `k/K`: the manifest's own if it has K of them, else K that are made here; or
    `all`: nine songs in ten are trained on, whatever their group, for a model that was judged on
    folds before and is to be used.
    ValueError if there is no such fold. With fewer than three groups a group does not stay
    together: there would be nothing to test on.
    """
    bonds = [*_same([place.song for place in places], "of one song"), *bonds]
    if fold == EVERY:
        names = _names(places, _units(len(places), bonds))
        return Sides(split_by_group(names, names, [p.genre for p in places], THIN), [])
    by_group = [*bonds, *_same([place.group for place in places], "of one group")]
    units = _units(len(places), by_group)
    if len(set(units)) >= 3:
        bonds = by_group
    else:
        units = _units(len(places), bonds)
    splits = _splits(places, _names(places, units), fold)
    leaks = {
        (units[one], *sorted((splits[one], splits[two]))): f"{places[one].name} ({splits[one]}) "
        f"and {places[two].name} ({splits[two]}) are {what}"
        for one, two, what in reversed(bonds)
        if splits[one] != splits[two]
    }
    return Sides(splits, list(leaks.values()))


def check_leaks(leaks: Sequence[str], source: object, policy: str) -> None:
    """ValueError, in one line that names two songs, unless leaks are allowed."""
    if policy not in {REFUSE, ALLOW}:
        raise ValueError(f"data.leaks={policy}: is neither {REFUSE} nor {ALLOW}")
    if leaks and policy == REFUSE:
        more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise ValueError(
            f"{source}: {leaks[0]}{more}: put them on one side, or say data.leaks={ALLOW}"
        )


def _splits(places: Sequence[Place], units: Sequence[str], fold: int | str | None) -> list[str]:
    genres = [place.genre for place in places]
    if fold is None:
        dealt = split_by_group(units, units, genres)
        taken = {
            unit: place.split for unit, place in zip(units, places, strict=True) if place.split
        }
        return [
            place.split or taken.get(unit, split)
            for place, unit, split in zip(places, units, dealt, strict=True)
        ]
    number, count = parse_fold(fold)
    own = [place.fold for place in places if place.fold is not None]
    complete = len(own) == len(places)
    if count is None and not complete:
        raise ValueError(f"data.fold={fold} needs a fold number in every row, or say {fold}/5")
    if count is None:
        return split_by_fold(own, number)
    if complete and len(set(own)) == count:
        return split_by_fold(own, sorted(set(own))[number])
    return split_by_fold(deal_folds(units, count, genres), number)


def _units(count: int, bonds: Bonds) -> list[int]:
    """The number of the unit that each of 0 … count − 1 is in."""
    one, two = np.array([bond[:2] for bond in bonds], int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(one)), (one, two)), shape=(count, count))
    return list(connected_components(graph, directed=False)[1].tolist())


def _names(places: Sequence[Place], units: Sequence[int]) -> list[str]:
    """Each one's unit by name: the first group in it, whatever the order of the places."""
    first: dict[int, str] = {}
    for unit, place in zip(units, places, strict=True):
        first[unit] = min(first.get(unit, place.group), place.group)
    if len(set(first.values())) == len(first):
        return [first[unit] for unit in units]
    files: dict[int, str] = {}  # several units of one group: by their files
    for unit, place in zip(units, places, strict=True):
        files[unit] = min(files.get(unit, place.name), place.name)
    return [files[unit] for unit in units]


def _same(labels: Sequence[str], what: str) -> Iterator[tuple[int, int, str]]:
    """Each place with the one before it that has the same label."""
    last: dict[str, int] = {}
    for number, label in enumerate(labels):
        if label in last:
            yield last[label], number, f"{what} ({label})"
        last[label] = number
