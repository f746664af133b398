"""Count the songs that could not be read, and list them in the run."""

from typing import Any

import pandas as pd
import pytorch_lightning as pl
from pytorch_lightning.loggers import MLFlowLogger

from ai_mixer.data.skipped_songs import SkippedSongs

METRIC, TABLE = "data_skipped_songs", "skipped.csv"


class CountSkipped(pl.Callback):
    """Log the metric `data_skipped_songs`, and the table `skipped.csv` (file, reason) if any.

    The data module has warned of songs it left out at the start; songs that fail while reading
    come with the batches. Logged at the start and after each epoch with new ones. In a distributed
    training, rank 0 logs those of its own batches.
    """

    def __init__(self) -> None:
        self.skipped = SkippedSongs()
        self._written = -1

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the songs that the data module left out."""
        known = getattr(getattr(trainer, "datamodule", None), "skipped", ())
        self.skipped.mark_warned(known)
        self._write(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *_: int
    ) -> None:
        """Add the songs skipped in a training batch."""
        self.skipped.add(getattr(batch, "skipped", ()))

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *_: int
    ) -> None:
        """Add the songs skipped in a validation batch."""
        self.skipped.add(getattr(batch, "skipped", ()))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log after the validation of the epoch."""
        self._write(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:
        """Log: the skipped songs may be the cause of the error."""
        self._write(trainer)

    def state_dict(self) -> dict[str, Any]:
        """Return the songs skipped so far."""
        return {"reasons": dict(self.skipped.reasons)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the skipped songs without warning again."""
        self.skipped.mark_warned(state_dict["reasons"].items())

    def _write(self, trainer: pl.Trainer) -> None:
        count = len(self.skipped)
        if count == self._written or not trainer.is_global_zero:
            return
        self._written = count
        for logger in trainer.loggers:
            logger.log_metrics({METRIC: float(count)}, trainer.global_step)
            if isinstance(logger, MLFlowLogger) and count:
                table = pd.DataFrame(self.skipped.rows()).to_csv(index=False)
                logger.experiment.log_text(logger.run_id, table, TABLE)
