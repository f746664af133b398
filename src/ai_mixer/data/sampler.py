"""The order in which examples are drawn: keys (epoch, index) for `SongDataset`."""

from collections.abc import Iterator, Sized
from itertools import islice
from typing import Any, cast

import torch.distributed
from torch.utils.data import DistributedSampler


class KeySampler(DistributedSampler[Any]):
    """Every index at most once per epoch, dealt out to the processes of a distributed training.

    While training the order depends on (seed, epoch) and the key carries the epoch; else it is
    0, 1, 2 … and always epoch 0. Lightning calls `set_epoch`, also after a resume. `limit` ends an
    epoch after so many keys in all, others the next time: an epoch is then as long for any
    collection. Processes that train get equal shares, a few keys twice if need be; else every key
    is dealt once.
    """

    def __init__(
        self, data: Sized, *, training: bool, seed: int = 0, limit: int | None = None
    ) -> None:
        running = torch.distributed.is_available() and torch.distributed.is_initialized()
        super().__init__(
            cast(Any, data),
            num_replicas=torch.distributed.get_world_size() if running else 1,
            rank=torch.distributed.get_rank() if running else 0,
            shuffle=training,
            seed=seed,
        )
        self.training = training
        self._dealt = range(self.rank, len(data), self.num_replicas)
        self.share = self.num_samples if training else len(self._dealt)
        if limit is not None:
            self.share = min(self.share, -(-limit // self.num_replicas))

    def __len__(self) -> int:
        return self.share

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch = self.epoch if self.training else 0
        order = super().__iter__() if self.training else self._dealt
        return ((epoch, index) for index in islice(order, self.share))
