"""One batch, over and over: what a model that can learn at all must learn by heart."""

from typing import Any

from torch.utils.data import DataLoader

from ai_mixer.core.types import Batch
from ai_mixer.data.datamodule import MixDataModule


class OverfitBatchDataModule(MixDataModule):
    """The first batch of the first epoch, `steps` times an epoch; validation hears it as well.

    Lightning's `overfit_batches` keeps the indices but not the draw: with it every epoch would have
    new excerpts and knobs. Evaluation and listening samples are those of held-out songs, as ever.
    """

    def __init__(self, *args: Any, steps: int = 100, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.steps = steps
        self._batch: Batch | None = None

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batch, `steps` times."""
        return self._repeat(self.steps)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The batch, once: without dropout, the loss in plain sight."""
        return self._repeat(1)

    def _repeat(self, times: int) -> DataLoader[Batch]:
        if self._batch is None:
            self._batch = next(iter(super().train_dataloader()))
        return DataLoader([self._batch] * times, batch_size=None)  # type: ignore[arg-type]
