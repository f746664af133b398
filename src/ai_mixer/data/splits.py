"""Train, validation and test, so that nothing of one artist (group) is on two sides."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

SPLITS = ("train", "val", "test")
HELD_OUT_SHARE = 0.15  # share of the groups for validation, and again for the test

Genres = Sequence[str | None]


def split_by_group(
    groups: Sequence[str],
    items: Sequence[str],
    genres: Genres | None = None,
    share: float = HELD_OUT_SHARE,
) -> list[str]:
    """One split per item: 70 / 15 / 15 of the groups, and of each genre's where it has enough.

    share: of the groups for validation, and as much for the test.

    Deterministic, and independent of the order of the items: by a hash of the groups' names. With
    three groups or more every split has at least one. With fewer the items themselves are held out
    (the same artist is then on both sides); with fewer than three items everything is train.

    >>> split_by_group(["a", "b", "c", "b"], ["1", "2", "3", "4"])
    ['train', 'test', 'val', 'test']
    """
    if len(set(groups)) < 3:
        groups = items
    places: dict[str, float] = {}
    for members in _by_genre(groups, genres).values():
        # How far down its genre's list a group stands: the top of all lists is held out.
        places |= {group: (n + 0.5) / len(members) for n, group in enumerate(members)}
    ranked = sorted(places, key=lambda group: (places[group], _hash(group)))
    held_out = max(1, round(share * len(ranked))) if len(ranked) >= 3 else 0
    names = dict.fromkeys(ranked, "train")
    names |= dict.fromkeys(ranked[:held_out], "val")
    names |= dict.fromkeys(ranked[held_out : 2 * held_out], "test")
    return [names[group] for group in groups]


def split_by_fold(folds: Sequence[int], test_fold: int) -> list[str]:
    """K-fold: `test_fold` is the test, the next one (cyclically) validation, the rest train."""
    known = sorted(set(folds))
    if test_fold not in known or len(known) < 3:
        raise ValueError(
            f"fold {test_fold}: needs one of at least 3 folds, the manifest has {known}"
        )
    val_fold = known[(known.index(test_fold) + 1) % len(known)]
    names = {test_fold: "test", val_fold: "val"}
    return [names.get(fold, "train") for fold in folds]


def assign_folds(groups: Sequence[str], count: int, genres: Genres | None = None) -> list[int]:
    """A fold 0 … count − 1 for each item: no group in two, each genre spread as evenly as it goes.

    Deterministic, and independent of the order of the items. Genre by genre the largest group comes
    first, and goes where the genre has the fewest items so far. ValueError if there are not enough
    groups.

    >>> assign_folds(["a", "b", "c", "b", "d"], 3)
    [1, 0, 2, 0, 1]
    """
    if not 3 <= count <= len(set(groups)):
        raise ValueError(
            f"{count} folds: needs at least 3, and no more than there are artists or groups "
            f"({len(set(groups))})"
        )
    size = Counter(groups)
    folds: dict[str, int] = {}
    everything = [0] * count
    for _, members in sorted(_by_genre(groups, genres).items()):
        own = [0] * count
        for group in sorted(members, key=lambda group: (-size[group], _hash(group))):
            fold = min(range(count), key=lambda k: (own[k], everything[k], k))
            folds[group] = fold
            own[fold] += size[group]
            everything[fold] += size[group]
    return [folds[group] for group in groups]


def parse_fold(asked: int | str) -> tuple[int, int | None]:
    """What `fold=` asks for: (k, None) for a fold of the manifest's own, (k, K) for `k/K`.

    >>> parse_fold(0), parse_fold("2/5")
    ((0, None), (2, 5))
    """
    found = re.fullmatch(r"(\d+)(?:/(\d+))?", str(asked).strip())
    if found is None or (found[2] and int(found[1]) >= int(found[2])):
        raise ValueError(f"fold={asked}: is neither a number nor k/K, from 0/5 to 4/5 for five")
    return int(found[1]), int(found[2]) if found[2] else None


def _by_genre(groups: Sequence[str], genres: Genres | None) -> dict[str, list[str]]:
    """Genre → its groups, in the order of a hash of their names; a group has its commonest one."""
    heard: dict[str, Counter[str]] = defaultdict(Counter)
    for group, genre in zip(groups, genres or [None] * len(groups), strict=True):
        heard[group][(genre or "").casefold()] += 1
    named: dict[str, list[str]] = defaultdict(list)
    for group in sorted(heard, key=_hash):
        named[min(heard[group], key=lambda genre: (-heard[group][genre], genre))].append(group)
    return named


def _hash(group: str) -> str:
    return hashlib.sha256(group.encode("utf-8", "surrogateescape")).hexdigest()
