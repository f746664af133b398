"""Songs that could not be used: named on the screen, counted and listed in the run."""

from typing import Any

import pandas as pd
import pytorch_lightning as pl
from pytorch_lightning.loggers import MLFlowLogger

from ai_mixer.data.skipped_songs import SkippedSongs

METRIC, TABLE = "data/skipped_songs", "skipped.csv"


class CountSkipped(pl.Callback):
    """Metric `data/skipped_songs`, and the table `skipped.csv` (file, reason) if there are any.

    Songs left out from the start are known to the data module, which has warned of them; damage
    found only while reading comes with the batches. Written at the start and after each epoch that
    found more. Of a distributed training the first process writes what it saw.
    """

    def __init__(self) -> None:
        self.skipped = SkippedSongs()
        self._written = -1

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """What is known beforehand."""
        known = getattr(getattr(trainer, "datamodule", None), "skipped", ())
        self.skipped.mark_warned(known)
        self._write(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *_: int
    ) -> None:
        """Found out in training."""
        self.skipped.add(getattr(batch, "skipped", ()))

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, *_: int
    ) -> None:
        """Found out in validation."""
        self.skipped.add(getattr(batch, "skipped", ()))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After the epoch's validation."""
        self._write(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:
        """What broke off the training may be the songs."""
        self._write(trainer)

    def state_dict(self) -> dict[str, Any]:
        """Found out so far, for a resume."""
        return {"reasons": dict(self.skipped.reasons)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Not named again."""
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
