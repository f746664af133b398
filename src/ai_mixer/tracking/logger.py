"""Lightning's MLflow logger, bound to a run that somebody else owns."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from pytorch_lightning.loggers import MLFlowLogger


class RunLogger(MLFlowLogger):
    """Writes curves into a given run and nothing else.

    The owner of the run writes its params (MLflow keeps them for ever, so a second writer fails on
    resume) and ends it: after training there is more to log.

    A curve only grows: a point at or before the curve's last step is dropped. A resumed epoch
    repeats what the interrupted one had logged, to the last bit (docs/decisions/0013-resume.md).
    """

    def __init__(self, tracking_uri: str, run_id: str) -> None:
        super().__init__(tracking_uri=tracking_uri, run_id=run_id)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Those metrics that have no point at this step or after it."""
        now = step or 0
        fresh = {name: value for name, value in metrics.items() if self._last(name) < now}
        self._last_steps.update(dict.fromkeys(fresh, now))
        if fresh:
            super().log_metrics(fresh, step)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Left to the run's owner."""

    def finalize(self, status: str = "success") -> None:
        """Left to the run's owner."""

    def start_system_metrics(self, interval_s: float) -> Callable[[], None]:
        """Write the machine's load down from now on, in a thread; returns what ends that."""
        from ai_mixer.tracking.system_metrics import start_system_metrics

        return start_system_metrics(self._tracking_uri, str(self._run_id), interval_s)

    def _last(self, name: str) -> int:
        return self._last_steps.get(name, -1)

    @cached_property
    def _last_steps(self) -> dict[str, int]:
        """Metric → step of its last point, as the run has them."""
        metrics = self._mlflow_client.get_run(str(self._run_id)).data.to_proto().metrics
        return {metric.key: metric.step for metric in metrics}
