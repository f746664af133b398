"""Log the load of the machine (CPU, memory, disk, network, GPU) as metrics of the run."""

from collections.abc import Callable

import pytorch_lightning as pl

from ai_mixer.tracking.logger import RunLogger


class SystemMetrics(pl.Callback):
    """Log system metrics every `interval_s` seconds while training (0: never), in rank 0.

    Only for loggers of type `RunLogger`.
    """

    def __init__(self, interval_s: float = 10.0) -> None:
        self.interval_s = interval_s
        self._stops: list[Callable[[], None]] = []

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start, in rank 0."""
        if self.interval_s > 0 and trainer.is_global_zero:
            loggers = [logger for logger in trainer.loggers if isinstance(logger, RunLogger)]
            self._stops = [logger.start_system_metrics(self.interval_s) for logger in loggers]

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Stop: Lightning does not call `teardown` after an error."""
        self._stop()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Stop."""
        self._stop()

    def _stop(self) -> None:
        while self._stops:
            self._stops.pop()()
