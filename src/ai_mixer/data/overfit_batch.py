"""Data module that repeats one batch, to check that a model can overfit it."""

from typing import Any

from torch.utils.data import DataLoader

from ai_mixer.core.types import Batch
from ai_mixer.data.datamodule import MixDataModule


class OverfitBatchDataModule(MixDataModule):
    """The first batch of the first epoch, `steps` times per epoch; also used for validation.

    Lightning's `overfit_batches` repeats the indices, but the examples of an index differ between
    epochs. Test batches are those of the base class.
    """

    def __init__(self, *args: Any, steps: int = 100, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.steps = steps
        self._batch: Batch | None = None

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batch, `steps` times."""
        return self._repeat(self.steps)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The batch once: its loss without dropout."""
        return self._repeat(1)

    def _repeat(self, times: int) -> DataLoader[Batch]:
        if self._batch is None:
            self._batch = next(iter(super().train_dataloader()))
        return DataLoader([self._batch] * times, batch_size=None)  # type: ignore[arg-type]
