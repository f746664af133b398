"""Which recording is on which side: nothing of one song, group or recording is on two.

Recordings that share a song, a group or their sound form a unit, which is dealt out as one. Sides
that a manifest gives are taken, and looked at: a unit on two of them is a leak.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ai_mixer.data.splits import assign_folds, parse_fold, split_by_fold, split_by_group

REFUSE, ALLOW = "refuse", "allow"
ALL_FOLDS = "all"  # in place of a fold
ALL_FOLDS_HELD_OUT_SHARE = 0.05  # of the songs, held out where every fold is trained on

Links = Sequence[tuple[int, int, str]]
"""Two places that belong on one side, and what they are to each other."""


class Recording(NamedTuple):
    """What decides where a recording goes. split, fold: what its manifest says."""

    name: str
    song: str
    group: str
    genre: str | None = None
    split: str | None = None
    fold: int | None = None


class SplitAssignment(NamedTuple):
    """The split of each place, and what leaks: one line that names two of them."""

    splits: list[str]
    leaks: list[str]


def assign_splits(
    recordings: Sequence[Recording], links: Links = (), fold: int | str | None = None
) -> SplitAssignment:
    """Take the sides that are given, deal out the others.

    bonds: more than the same song or group, such as the same recording. fold: None, a fold of the
    manifest's own, or `k/K`: the manifest's own if it has K of them, else K that are made here; or
    `all`: nine songs in ten are trained on, whatever their group, for a model that was judged on
    folds before and is to be used.
    ValueError if there is no such fold. With fewer than three groups a group does not stay
    together: there would be nothing to test on.
    """
    links = [*_link_equal_labels([place.song for place in recordings], "of one song"), *links]
    if fold == ALL_FOLDS:
        names = _component_names(recordings, _connected_components(len(recordings), links))
        return SplitAssignment(
            split_by_group(names, names, [p.genre for p in recordings], ALL_FOLDS_HELD_OUT_SHARE),
            [],
        )
    by_group = [*links, *_link_equal_labels([place.group for place in recordings], "of one group")]
    units = _connected_components(len(recordings), by_group)
    if len(set(units)) >= 3:
        links = by_group
    else:
        units = _connected_components(len(recordings), links)
    splits = _splits(recordings, _component_names(recordings, units), fold)
    leaks = {
        (
            units[one],
            *sorted((splits[one], splits[two])),
        ): f"{recordings[one].name} ({splits[one]}) "
        f"and {recordings[two].name} ({splits[two]}) are {what}"
        for one, two, what in reversed(links)
        if splits[one] != splits[two]
    }
    return SplitAssignment(splits, list(leaks.values()))


def check_leaks(leaks: Sequence[str], source: object, policy: str) -> None:
    """ValueError, in one line that names two songs, unless leaks are allowed."""
    if policy not in {REFUSE, ALLOW}:
        raise ValueError(f"data.leaks={policy}: is neither {REFUSE} nor {ALLOW}")
    if leaks and policy == REFUSE:
        more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise ValueError(
            f"{source}: {leaks[0]}{more}: put them on one side, or say data.leaks={ALLOW}"
        )


def _splits(
    recordings: Sequence[Recording], units: Sequence[str], fold: int | str | None
) -> list[str]:
    genres = [place.genre for place in recordings]
    if fold is None:
        dealt = split_by_group(units, units, genres)
        taken = {
            unit: place.split for unit, place in zip(units, recordings, strict=True) if place.split
        }
        return [
            place.split or taken.get(unit, split)
            for place, unit, split in zip(recordings, units, dealt, strict=True)
        ]
    number, count = parse_fold(fold)
    own = [place.fold for place in recordings if place.fold is not None]
    complete = len(own) == len(recordings)
    if count is None and not complete:
        raise ValueError(f"data.fold={fold} needs a fold number in every row, or say {fold}/5")
    if count is None:
        return split_by_fold(own, number)
    if complete and len(set(own)) == count:
        return split_by_fold(own, sorted(set(own))[number])
    return split_by_fold(assign_folds(units, count, genres), number)


def _connected_components(count: int, links: Links) -> list[int]:
    """The number of the unit that each of 0 … count − 1 is in."""
    one, two = np.array([bond[:2] for bond in links], int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(one)), (one, two)), shape=(count, count))
    return list(connected_components(graph, directed=False)[1].tolist())


def _component_names(recordings: Sequence[Recording], units: Sequence[int]) -> list[str]:
    """Each one's unit by name: the first group in it, whatever the order of the places."""
    first: dict[int, str] = {}
    for unit, place in zip(units, recordings, strict=True):
        first[unit] = min(first.get(unit, place.group), place.group)
    if len(set(first.values())) == len(first):
        return [first[unit] for unit in units]
    files: dict[int, str] = {}  # several units of one group: by their files
    for unit, place in zip(units, recordings, strict=True):
        files[unit] = min(files.get(unit, place.name), place.name)
    return [files[unit] for unit in units]


def _link_equal_labels(labels: Sequence[str], what: str) -> Iterator[tuple[int, int, str]]:
    """Each place with the one before it that has the same label."""
    last: dict[str, int] = {}
    for number, label in enumerate(labels):
        if label in last:
            yield last[label], number, f"{what} ({label})"
        last[label] = number
