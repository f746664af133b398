"""Assign recordings to splits so that no song, group or recording is in two splits.

Recordings of the same song or group, and copies of a recording, form a unit (a connected component)
that is assigned as a whole. Splits of a manifest are kept; a unit in two of them is a leak.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ai_mixer.data.splits import assign_folds, parse_fold, split_by_fold, split_by_group

REFUSE, ALLOW = "refuse", "allow"
ALL_FOLDS = "all"  # value of `fold`: train on nearly all songs
ALL_FOLDS_HELD_OUT_SHARE = 0.05  # of the songs for validation, and again for the test

Links = Sequence[tuple[int, int, str]]
"""Two recordings that must be in the same split, and their relation."""


class Recording(NamedTuple):
    """What determines the split of a recording. split, fold: from the manifest, if given."""

    name: str
    song: str
    group: str
    genre: str | None = None
    split: str | None = None
    fold: int | None = None


class SplitAssignment(NamedTuple):
    """Split of each recording, and leaks: one line with two recordings each."""

    splits: list[str]
    leaks: list[str]


def assign_splits(
    recordings: Sequence[Recording], links: Links = (), fold: int | str | None = None
) -> SplitAssignment:
    """Keep the splits that are given and assign the others.

    links: relations besides the same song or group, such as the same recording. fold: None; a fold
    number of the manifest; `k/K`: fold k of the manifest if it has K folds, else of K folds that
    are made here; or `all`: nine songs in ten are for training, without regard to groups, for a
    final model that was evaluated on folds before.

    With fewer than three groups, groups are split too, as there would be no test songs otherwise.
    Raises ValueError if the fold does not exist.
    """
    links = [*_link_equal_labels([item.song for item in recordings], "of one song"), *links]
    if fold == ALL_FOLDS:
        names = _component_names(recordings, _connected_components(len(recordings), links))
        genres = [item.genre for item in recordings]
        return SplitAssignment(split_by_group(names, names, genres, ALL_FOLDS_HELD_OUT_SHARE), [])
    by_group = [*links, *_link_equal_labels([item.group for item in recordings], "of one group")]
    units = _connected_components(len(recordings), by_group)
    if len(set(units)) >= 3:
        links = by_group
    else:
        units = _connected_components(len(recordings), links)
    splits = _splits(recordings, _component_names(recordings, units), fold)
    leaks: dict[tuple[int, str, str], str] = {}
    for one, two, relation in reversed(links):
        if splits[one] != splits[two]:  # one line per unit and pair of splits
            first, second = sorted((splits[one], splits[two]))
            leaks[units[one], first, second] = (
                f"{recordings[one].name} ({splits[one]}) and "
                f"{recordings[two].name} ({splits[two]}) are {relation}"
            )
    return SplitAssignment(splits, list(leaks.values()))


def check_leaks(leaks: Sequence[str], source: object, policy: str) -> None:
    """Raise ValueError with the first leak, unless `policy` is "allow" or there is none."""
    if policy not in {REFUSE, ALLOW}:
        raise ValueError(f"data.leaks={policy}: must be {REFUSE} or {ALLOW}")
    if leaks and policy == REFUSE:
        more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise ValueError(
            f"{source}: {leaks[0]}{more}: put them in one split, or set data.leaks={ALLOW}"
        )


def _splits(
    recordings: Sequence[Recording], units: Sequence[str], fold: int | str | None
) -> list[str]:
    genres = [item.genre for item in recordings]
    if fold is None:
        by_group = split_by_group(units, units, genres)
        split_of_unit = {
            unit: item.split for unit, item in zip(units, recordings, strict=True) if item.split
        }
        return [
            item.split or split_of_unit.get(unit, split)
            for item, unit, split in zip(recordings, units, by_group, strict=True)
        ]
    number, count = parse_fold(fold)
    manifest_folds = [item.fold for item in recordings if item.fold is not None]
    complete = len(manifest_folds) == len(recordings)
    if count is None and not complete:
        raise ValueError(f"data.fold={fold} needs a fold number in every row, or use {fold}/5")
    if count is None:
        return split_by_fold(manifest_folds, number)
    if complete and len(set(manifest_folds)) == count:
        return split_by_fold(manifest_folds, sorted(set(manifest_folds))[number])
    return split_by_fold(assign_folds(units, count, genres), number)


def _connected_components(count: int, links: Links) -> list[int]:
    """Number of the connected component of each of 0 … count − 1."""
    one, two = np.array([link[:2] for link in links], int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(one)), (one, two)), shape=(count, count))
    return list(connected_components(graph, directed=False)[1].tolist())


def _component_names(recordings: Sequence[Recording], units: Sequence[int]) -> list[str]:
    """Name of each recording's unit, independent of the order: its alphabetically first group.

    If several units have the same first group, their first file.
    """
    groups: dict[int, str] = {}
    for unit, item in zip(units, recordings, strict=True):
        groups[unit] = min(groups.get(unit, item.group), item.group)
    if len(set(groups.values())) == len(groups):
        return [groups[unit] for unit in units]
    files: dict[int, str] = {}
    for unit, item in zip(units, recordings, strict=True):
        files[unit] = min(files.get(unit, item.name), item.name)
    return [files[unit] for unit in units]


def _link_equal_labels(labels: Sequence[str], relation: str) -> Iterator[tuple[int, int, str]]:
    """Link each item to the previous one with the same label."""
    last: dict[str, int] = {}
    for number, label in enumerate(labels):
        if label in last:
            yield last[label], number, f"{relation} ({label})"
        last[label] = number
