"""A trial that will not become anything ends early, between two epochs.

`optuna-integration` has such a callback; with it would come the package `lightning`.
"""

from typing import Any

import pytorch_lightning as pl
from optuna import Trial
from torch import Tensor

from ai_mixer.core.types import Batch
from ai_mixer.data.splits import SPLITS


class PruningCallback(pl.Callback):
    """Tells the trial a metric after each validation, and stops the training if Optuna says so.

    It stops as early stopping does, so the run ends in good order and keeps its model.
    """

    def __init__(self, trial: Trial, metric: str) -> None:
        self.trial, self.metric = trial, metric
        self.pruned = False
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        self._reported_epochs = set(frozen.intermediate_values)  # by a worker that died

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After the epoch's metrics are known. KeyError, naming what there is, if ours is not."""
        if trainer.sanity_checking:
            return
        if self.metric not in trainer.callback_metrics:
            known = ", ".join(sorted(trainer.callback_metrics))
            raise KeyError(f"{self.metric} is not known after an epoch; known are {known}")
        epoch = trainer.current_epoch
        if epoch not in self._reported_epochs:
            self.trial.report(float(trainer.callback_metrics[self.metric]), epoch)
        if self.trial.should_prune():
            self.pruned = trainer.should_stop = True


class SongErrorsCallback(pl.Callback):
    """The mean knob error of each validation song, in the best epoch by `metric`.

    Songs are told by their place among all songs, which is the same in every fold.
    """

    def __init__(self, metric: str, higher_is_better: bool) -> None:
        self.metric, self._sign = metric, 1.0 if higher_is_better else -1.0
        self.errors: dict[int, float] = {}
        self._best = float("-inf")
        self._sums: dict[str, list[float]] = {}

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget the epoch before."""
        self._sums = {}

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        *_: int,
    ) -> None:
        """outputs: [B, P] the positions that the system's validation_step returned."""
        for song, error in zip(batch.song_id, _errors(outputs, batch), strict=True):
            self._sums.setdefault(song, []).append(error)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep it if the epoch is the best so far."""
        score = self._sign * float(trainer.callback_metrics[self.metric])
        if trainer.sanity_checking or score <= self._best:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        songs = sorted({song.id for split in SPLITS for song in data.songs(split)})
        self._best = score
        self.errors = {
            songs.index(song): sum(errors) / len(errors) for song, errors in self._sums.items()
        }


def _errors(knobs: Tensor, batch: Batch) -> list[float]:
    """Of each example: mean distance of the knobs that count."""
    mask = batch.mask.float()
    distance = ((knobs - batch.knobs).abs() * mask).sum(1) / mask.sum(1).clamp_min(1.0)
    return [float(value) for value in distance.cpu()]
