"""Train, validation and test, so that nothing of one artist (group) is on two sides."""

import hashlib
from collections.abc import Sequence

SPLITS = ("train", "val", "test")
HELD_OUT = 0.15  # share of the groups for validation, and again for the test


def split_by_group(groups: Sequence[str], items: Sequence[str]) -> list[str]:
    """One split per item: 70 / 15 / 15 of the groups, in the order of a hash of their names.

    Deterministic, and independent of the order of the items. With three groups or more every split
    has at least one. With fewer the items themselves are held out (the same artist is then on both
    sides); with fewer than three items everything is train.

    >>> split_by_group(["a", "b", "c", "b"], ["1", "2", "3", "4"])
    ['train', 'test', 'val', 'test']
    """
    if len(set(groups)) < 3:
        groups = items
    ranked = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode()).hexdigest())
    held_out = max(1, round(HELD_OUT * len(ranked))) if len(ranked) >= 3 else 0
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
