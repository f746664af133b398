"""The order in which examples are drawn: keys (epoch, index) for `SongDataset`."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import count, islice
from typing import Any, cast

import numpy as np
import torch.distributed
from torch.utils.data import DistributedSampler


class KeySampler(DistributedSampler[Any]):
    """Every index at most once per epoch, dealt out to the processes of a distributed training.

    While training the order depends on (seed, epoch) and the key carries the epoch; else it is
    0, 1, 2 … and always epoch 0. Lightning calls `set_epoch`, also after a resume. `limit` ends an
    epoch after so many keys in all, others the next time: an epoch is then as long for any
    collection. Processes that train get equal shares, a few keys twice if need be; else every key
    is dealt once.

    strata: a label per index (its genre). While training each label then comes as often as any
    other. Where one has too few indices they come again with the length of the data added: another
    draw for the dataset.
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
    """Indices without end: one of every label, in an order by lot, then again one of every label.

    Of one label every index comes before any comes again, then with len(labels) added.

    >>> order = stratified_order(["jazz", "pop", "pop"], seed=[0, 0])
    >>> [["jazz", "pop", "pop"][next(order) % 3] for _ in range(6)].count("jazz")
    3
    """
    places: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        places.setdefault(label, []).append(index)
    dealers = [
        _reshuffled_endlessly(indices, len(labels), np.random.default_rng([*seed, number]))
        for number, indices in enumerate(places.values(), start=1)
    ]
    rng = np.random.default_rng([*seed, 0])
    while dealers:
        for number in rng.permutation(len(dealers)):
            yield next(dealers[number])


def _reshuffled_endlessly(
    indices: Sequence[int], step: int, rng: np.random.Generator
) -> Iterator[int]:
    """The indices in an order by lot; then in another one, each `step` higher; and so on."""
    for rounds in count():
        yield from (int(index) + rounds * step for index in rng.permutation(indices))
