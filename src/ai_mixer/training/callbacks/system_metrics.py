"""The machine's load (CPU, memory, disk, network, GPU) as curves of the run, while it trains."""

from collections.abc import Callable

import pytorch_lightning as pl

from ai_mixer.tracking.logger import RunLogger


class SystemMetrics(pl.Callback):
    """Starts with the training and stops with it, however it ends; 0 seconds: never.

    Other loggers than ours are left alone. Of a distributed training the first process watches.
    """

    def __init__(self, interval_s: float = 10.0) -> None:
        self.interval_s = interval_s
        self._stops: list[Callable[[], None]] = []

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start, in the first process."""
        if self.interval_s > 0 and trainer.is_global_zero:
            ours = [logger for logger in trainer.loggers if isinstance(logger, RunLogger)]
            self._stops = [logger.start_system_metrics(self.interval_s) for logger in ours]

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Stop: after an error Lightning tears no callback down."""
        self._stop()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Stop."""
        self._stop()

    def _stop(self) -> None:
        while self._stops:
            self._stops.pop()()
