"""Log system metrics to a run: `system/cpu_utilization_percentage` and others of MLflow."""

# mypy: allow-untyped-calls
import logging
from collections.abc import Callable

from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

_log = logging.getLogger(__name__)


def start_system_metrics(tracking_uri: str, run_id: str, interval_s: float) -> Callable[[], None]:
    """Start a thread that logs a point every `interval_s` seconds; returns a function to stop it.

    In a resumed run, the steps continue.
    """
    monitor = Monitor(run_id, interval_s, resume_logging=True, tracking_uri=tracking_uri)
    monitor.start()
    finish: Callable[[], None] = monitor.finish
    return finish


class Monitor(SystemMetricsMonitor):
    """MLflow's monitor, but measuring at the end of each interval, including the last, shorter one.

    CPU load is measured between two readings. MLflow reads before it waits: its first point is
    always 0 %, and a training shorter than an interval has no point.
    """

    def monitor(self) -> None:
        """Run the thread's loop. An error while logging ends it, but not the training."""
        self.collect_metrics()  # first reading, for the difference to the next
        stopped = False
        while not stopped:
            for part in self.monitors:
                part.clear_metrics()
            stopped = self._shutdown_event.wait(self.sampling_interval)
            self.collect_metrics()
            try:
                self.publish_metrics(self.aggregate_metrics())
            except Exception as error:
                _log.warning("system metrics stopped: %s", error)
                return
