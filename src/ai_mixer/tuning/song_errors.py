"""Lightning callback that collects the knob error of each validation song, for Wilcoxon pruning."""

from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from ai_mixer.core.types import Batch
from ai_mixer.data.splits import SPLITS


class SongErrorsCallback(pl.Callback):
    """Mean knob error of each validation song, in the best epoch by `metric`.

    Songs are identified by their index among all songs, which is the same in every fold.
    """

    def __init__(self, metric: str, higher_is_better: bool) -> None:
        self.metric, self._sign = metric, 1.0 if higher_is_better else -1.0
        self.errors: dict[int, float] = {}
        self._best = float("-inf")
        self._errors_by_song: dict[str, list[float]] = {}

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reset the errors of the epoch."""
        self._errors_by_song = {}

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        *_: int,
    ) -> None:
        """Add a batch. outputs: positions [B, P], returned by the system's validation_step."""
        for song, error in zip(batch.song_id, _errors(outputs, batch), strict=True):
            self._errors_by_song.setdefault(song, []).append(error)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the errors if the epoch is the best so far.

        Also those of a fine-tuning's initial weights, which are validated again after the training;
        before the first step their score is not comparable.
        """
        score = self._sign * float(trainer.callback_metrics[self.metric])
        if trainer.global_step == 0 or score <= self._best:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        songs = sorted({song.id for split in SPLITS for song in data.songs(split)})
        self._best = score
        self.errors = {
            songs.index(song): sum(errors) / len(errors)
            for song, errors in self._errors_by_song.items()
        }


def _errors(knobs: Tensor, batch: Batch) -> list[float]:
    """Mean absolute error of each example over the knobs that count."""
    mask = batch.mask.float()
    error = ((knobs - batch.knobs).abs() * mask).sum(1) / mask.sum(1).clamp_min(1.0)
    return [float(value) for value in error.cpu()]
