"""Lightning's MLflow logger for a run that it does not own."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from pytorch_lightning.loggers import MLFlowLogger


class RunLogger(MLFlowLogger):
    """Log the metrics of a given run, and nothing else.

    The owner of the run logs its params (MLflow cannot change them, so logging them again fails on
    resume) and ends it, after logging the results of the evaluation.

    A point at or before the last step of a metric is dropped: a resumed epoch repeats the values of
    the interrupted one exactly (docs/decisions/0013-resume.md).
    """

    def __init__(self, tracking_uri: str, run_id: str) -> None:
        super().__init__(tracking_uri=tracking_uri, run_id=run_id)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the metrics that have no point at this step or later."""
        current = step or 0
        new = {name: x for name, x in metrics.items() if self._last_steps.get(name, -1) < current}
        self._last_steps.update(dict.fromkeys(new, current))
        if new:
            super().log_metrics(new, step)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: left to the run's owner."""

    def finalize(self, status: str = "success") -> None:
        """Do nothing: left to the run's owner."""

    def start_system_metrics(self, interval_s: float) -> Callable[[], None]:
        """Start logging system metrics in a thread; returns a function to stop it."""
        from ai_mixer.tracking.system_metrics import start_system_metrics

        return start_system_metrics(self._tracking_uri, str(self._run_id), interval_s)

    @cached_property
    def _last_steps(self) -> dict[str, int]:
        """Step of the last point of each metric of the run."""
        metrics = self._mlflow_client.get_run(str(self._run_id)).data.to_proto().metrics
        return {metric.key: metric.step for metric in metrics}
