"""Batches whose examples are made on another device than the loader's (`task.device=cuda`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import torch
from torch import Tensor

from ai_mixer.core.types import Batch, Example, SkippedSong
from ai_mixer.data.excerpt_sampler import Augment


class TaskInput(Protocol):
    """What a task makes an example of: tensors and other values."""

    def map_tensors(self, change: Callable[[Tensor], Tensor]) -> Any:
        """Apply a function to all tensors."""
        ...


@dataclass(frozen=True)
class DeferredExample:
    """An example before its task: the input of the task, and what follows it.

    augment: changes the example after the task, with augment_params; None: nothing does.
    """

    input: TaskInput
    genre: int
    song_id: str
    augment: Augment | None = None
    augment_params: Any = None
    skipped: tuple[SkippedSong, ...] = ()


@dataclass(frozen=True)
class DeferredBatch:
    """Examples before their task; `to` moves their tensors, as for a `Batch`."""

    items: Sequence[DeferredExample]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        devices: list[torch.device] = []
        self.items[0].input.map_tensors(lambda x: devices.append(x.device) or x)  # type: ignore[func-returns-value]
        return devices[0]

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast all tensors, with the arguments of `Tensor.to`."""
        return self._map_tensors(lambda tensor: tensor.to(*args, **kwargs))

    def pin_memory(self) -> Self:
        """Pin all tensors."""
        return self._map_tensors(lambda tensor: tensor.pin_memory())

    def make(self, task: Callable[[Sequence[Any]], list[Example]]) -> Batch:
        """Make the batch on the device of the tensors. task: the method `make` of a task."""
        made = task([item.input for item in self.items])
        examples = []
        for example, item in zip(made, self.items, strict=True):
            labelled = replace(
                example, genre=item.genre, song_id=item.song_id, skipped=item.skipped
            )
            change = item.augment
            examples.append(change.apply(labelled, item.augment_params) if change else labelled)
        return Batch.collate(examples).to(examples[0].rough.device)

    def _map_tensors(self, change: Callable[[Tensor], Tensor]) -> Self:
        items = [replace(item, input=item.input.map_tensors(change)) for item in self.items]
        return replace(self, items=items)
