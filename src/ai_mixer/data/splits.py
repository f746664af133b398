"""Train, validation and test splits, and folds, by group (artist)."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ai_mixer.core.types import Split

SPLITS: tuple[Split, ...] = ("train", "val", "test")
HELD_OUT_SHARE = 0.15  # of the groups for validation, and again for the test

Genres = Sequence[str | None]


def split_by_group(
    groups: Sequence[str],
    items: Sequence[str],
    genres: Genres | None = None,
    share: float = HELD_OUT_SHARE,
) -> list[str]:
    """Split of each item: 70 / 15 / 15 % of the groups, if possible also within each genre.

    share: share of the groups for validation, and again for the test.

    Deterministic and independent of the order of the items: groups are ranked by a hash of their
    names. With three groups or more every split has at least one group. With fewer, items are split
    instead of groups (an artist is then in several splits); fewer than three items are all train.

    >>> split_by_group(["a", "b", "c", "b"], ["1", "2", "3", "4"])
    ['train', 'test', 'val', 'test']
    """
    if len(set(groups)) < 3:
        groups = items
    ranks: dict[str, float] = {}
    for members in _by_genre(groups, genres).values():
        # Relative rank within the genre: the lowest ranks of all genres are held out.
        ranks |= {group: (n + 0.5) / len(members) for n, group in enumerate(members)}
    ranked = sorted(ranks, key=lambda group: (ranks[group], _hash(group)))
    held_out = max(1, round(share * len(ranked))) if len(ranked) >= 3 else 0
    split_of = dict.fromkeys(ranked, "train")
    split_of |= dict.fromkeys(ranked[:held_out], "val")
    split_of |= dict.fromkeys(ranked[held_out : 2 * held_out], "test")
    return [split_of[group] for group in groups]


def split_by_fold(folds: Sequence[int], test_fold: int) -> list[str]:
    """Split of each item: `test_fold` is test, the next fold (cyclically) val, the others train.

    Raises ValueError if there is no such fold, or fewer than three folds.
    """
    existing = sorted(set(folds))
    if test_fold not in existing or len(existing) < 3:
        raise ValueError(
            f"fold {test_fold}: needs one of at least 3 folds, the manifest has {existing}"
        )
    val_fold = existing[(existing.index(test_fold) + 1) % len(existing)]
    split_of = {test_fold: "test", val_fold: "val"}
    return [split_of.get(fold, "train") for fold in folds]


def assign_folds(groups: Sequence[str], count: int, genres: Genres | None = None) -> list[int]:
    """Fold 0 … count − 1 of each item: groups are kept together, genres distributed evenly.

    Deterministic and independent of the order of the items. The groups of each genre are assigned
    by decreasing size, each to the fold with the fewest items of the genre. Raises ValueError for
    fewer than three folds or more folds than groups.

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
    total_sizes = [0] * count
    for _, members in sorted(_by_genre(groups, genres).items()):
        genre_sizes = [0] * count
        for group in sorted(members, key=lambda group: (-size[group], _hash(group))):
            fold = min(range(count), key=lambda k: (genre_sizes[k], total_sizes[k], k))
            folds[group] = fold
            genre_sizes[fold] += size[group]
            total_sizes[fold] += size[group]
    return [folds[group] for group in groups]


def parse_fold(fold: int | str) -> tuple[int, int | None]:
    """Parse the option `fold`: (k, None) for a fold number of the manifest, (k, K) for `k/K`.

    >>> parse_fold(0), parse_fold("2/5")
    ((0, None), (2, 5))
    """
    match = re.fullmatch(r"(\d+)(?:/(\d+))?", str(fold).strip())
    if match is None or (match[2] and int(match[1]) >= int(match[2])):
        raise ValueError(f"fold={fold}: must be a number or k/K, e.g. 0/5 to 4/5 for five folds")
    return int(match[1]), int(match[2]) if match[2] else None


def _by_genre(groups: Sequence[str], genres: Genres | None) -> dict[str, list[str]]:
    """Genre → its groups, ordered by a hash of their names; a group has its most frequent genre."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for group, genre in zip(groups, genres or [None] * len(groups), strict=True):
        counts[group][(genre or "").casefold()] += 1
    by_genre: dict[str, list[str]] = defaultdict(list)
    for group in sorted(counts, key=_hash):
        genre_counts = counts[group]
        genre = min(genre_counts, key=lambda name: (-genre_counts[name], name))
        by_genre[genre].append(group)
    return by_genre


def _hash(group: str) -> str:
    return hashlib.sha256(group.encode("utf-8", "surrogateescape")).hexdigest()
