"""Log a line per epoch with its losses, where no progress bar is drawn."""

import time
from typing import Any

import pytorch_lightning as pl

from ai_mixer.utils.log import logger

VALIDATION_METRICS = ("val/loss", "val/skill")


class EpochLog(pl.Callback):
    """Log the mean training loss, the validation loss and the skill of each epoch, in rank 0."""

    def __init__(self) -> None:
        self._sum, self._steps, self._start = 0.0, 0, 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reset the mean."""
        self._sum, self._steps, self._start = 0.0, 0, time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *_: int
    ) -> None:
        """Add the loss of a step."""
        self._sum, self._steps = self._sum + outputs["loss"].detach(), self._steps + 1

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the line, after the validation of the epoch."""
        if not trainer.is_global_zero or not self._steps:
            return
        known = trainer.callback_metrics
        scores = {"train/loss": float(self._sum) / self._steps}
        scores |= {name: float(known[name]) for name in VALIDATION_METRICS if name in known}
        text = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
        of = "" if trainer.max_epochs in (None, -1) else f" of {trainer.max_epochs}"
        seconds = time.monotonic() - self._start
        logger.info("epoch %d%s: %s (%.0f s)", trainer.current_epoch, of, text, seconds)
