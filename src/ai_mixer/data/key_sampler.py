"""Distributed sampler of keys (epoch, index) for `SongDataset`."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import count, islice
from typing import Any, cast

import numpy as np
import torch.distributed
from torch.utils.data import DistributedSampler


class KeySampler(DistributedSampler[Any]):
    """Every index at most once per epoch, distributed over the processes.

    training: the order depends on (seed, epoch), and keys contain the epoch; otherwise the order is
    0, 1, 2 … and the epoch 0. Lightning calls `set_epoch`, also when resuming. In training all
    processes get equally many keys, some of them twice if necessary; otherwise every key once.

    limit: maximum number of keys per epoch over all processes; every epoch draws others, so the
    length of an epoch does not depend on the size of the collection.

    strata: a label per index, such as the genre. In training all labels are equally frequent; if a
    label has too few indices, they are repeated with the length of the data added, which is another
    example for the dataset.
    """

    def __init__(
        self,
        data: Sized,
        *,
        training: bool,
        seed: int = 0,
        limit: int | None = None,
        strata: Sequence[str] | None = None,
    ) -> None:
        running = torch.distributed.is_available() and torch.distributed.is_initialized()
        super().__init__(
            cast(Any, data),
            num_replicas=torch.distributed.get_world_size() if running else 1,
            rank=torch.distributed.get_rank() if running else 0,
            shuffle=training,
            seed=seed,
        )
        self.training, self.strata = training, strata
        self._rank_indices = range(self.rank, len(data), self.num_replicas)
        self.num_keys = self.num_samples if training else len(self._rank_indices)
        if limit is not None:
            self.num_keys = min(self.num_keys, -(-limit // self.num_replicas))

    def __len__(self) -> int:
        return self.num_keys

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if not self.training:
            order: Iterable[int] = self._rank_indices
        elif self.strata is None:
            order = super().__iter__()
        else:
            order = islice(
                stratified_order(self.strata, [self.seed, self.epoch]),
                self.rank,
                None,
                self.num_replicas,
            )
        epoch = self.epoch if self.training else 0
        return ((epoch, index) for index in islice(order, self.num_keys))


def stratified_order(labels: Sequence[str], seed: Sequence[int]) -> Iterator[int]:
    """Endless sequence of indices: repeatedly one index of every label, in random order.

    The indices of a label are repeated after all of them, then with len(labels) added.

    >>> order = stratified_order(["jazz", "pop", "pop"], seed=[0, 0])
    >>> [["jazz", "pop", "pop"][next(order) % 3] for _ in range(6)].count("jazz")
    3
    """
    indices_of: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        indices_of.setdefault(label, []).append(index)
    strata = [
        _reshuffled_endlessly(indices, len(labels), np.random.default_rng([*seed, number]))
        for number, indices in enumerate(indices_of.values(), start=1)
    ]
    rng = np.random.default_rng([*seed, 0])
    while strata:
        for number in rng.permutation(len(strata)):
            yield next(strata[number])


def _reshuffled_endlessly(
    indices: Sequence[int], step: int, rng: np.random.Generator
) -> Iterator[int]:
    """Random permutations of the indices, one after the other, each `step` higher than the last."""
    for rounds in count():
        yield from (int(index) + rounds * step for index in rng.permutation(indices))
