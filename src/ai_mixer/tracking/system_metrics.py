"""The machine's load as curves of a run: `system/cpu_utilization_percentage` and its like."""

# mypy: allow-untyped-calls
import logging
from collections.abc import Callable

from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

_log = logging.getLogger(__name__)


def start_system_metrics(tracking_uri: str, run_id: str, interval_s: float) -> Callable[[], None]:
    """Start a thread that logs a point every so many seconds; returns what ends it.

    A run that has such curves already goes on with the next step.
    """
    monitor = Monitor(run_id, interval_s, resume_logging=True, tracking_uri=tracking_uri)
    monitor.start()
    finish: Callable[[], None] = monitor.finish
    return finish


class Monitor(SystemMetricsMonitor):
    """MLflow's, but it reads the machine when an interval ends, also the one cut short by the end.

    CPU load is what happened between two readings. MLflow reads before it waits: its first point
    is always 0 %, and a training shorter than an interval has none.
    """

    def monitor(self) -> None:
        """The thread's whole life. What cannot be written is given up: training goes on."""
        self.collect_metrics()  # only to be compared with
        ended = False
        while not ended:
            for part in self.monitors:
                part.clear_metrics()
            ended = self._shutdown_event.wait(self.sampling_interval)
            self.collect_metrics()
            try:
                self.publish_metrics(self.aggregate_metrics())
            except Exception as error:
                _log.warning("system metrics end here: %s", error)
                return
