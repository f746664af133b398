"""System metrics of a run: logged during the training, and their thread ends with it."""

import signal
import threading
import time
from functools import partial

import pytest
from pytorch_lightning.loggers import CSVLogger

from ai_mixer.tracking import Run
from ai_mixer.tracking.system_metrics import start_system_metrics
from ai_mixer.training.callbacks.system_metrics import SystemMetrics

CPU, MEMORY = "system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"


def metric_threads():
    return [thread for thread in threading.enumerate() if "SystemMetrics" in thread.name]


def curve(store, run, name):
    return store.client.get_metric_history(run.id, name)


@pytest.fixture(autouse=True)
def no_thread_remains():
    assert not metric_threads()
    yield
    assert not metric_threads()


def test_a_training_shorter_than_the_interval_has_one_point(fit, store):
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=600), run.lightning_logger())
    for name in (CPU, MEMORY):
        (point,) = curve(store, run, name)
        assert point.step == 0
    assert curve(store, run, MEMORY)[0].value > 0
    experiments = [experiment.experiment_id for experiment in store.client.search_experiments()]
    assert len(store.client.search_runs(experiments)) == 1


def test_points_are_logged_during_the_training(fit, store, system):
    thread_counts = []
    step = system.training_step

    def busy(batch):
        thread_counts.append(len(metric_threads()))
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            sum(range(1000))
        return step(batch)

    system.training_step = busy
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=0.1), run.lightning_logger())
        assert curve(store, run, "train/loss")
    assert thread_counts == [1, 1, 1]
    points = curve(store, run, CPU)
    assert [point.step for point in points] == list(range(len(points)))
    assert len(points) >= 3
    assert points[0].value > 0  # MLflow's own first point is always 0


@pytest.mark.parametrize(
    ("error", "raised"), [(RuntimeError("no"), RuntimeError), (KeyboardInterrupt(), SystemExit)]
)
def test_thread_ends_when_the_training_fails(fit, store, system, error, raised):
    def broken(batch):
        raise error

    system.training_step = broken
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(raised), Run.start(store, "load") as run:
            fit(SystemMetrics(interval_s=600), run.lightning_logger())
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning leaves it disabled
    assert not metric_threads()
    assert len(curve(store, run, CPU)) == 1


def test_steps_continue_in_a_resumed_run(fit, store):
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=600), run.lightning_logger())
    with Run.resume(store, run.id) as resumed:
        fit(SystemMetrics(interval_s=600), resumed.lightning_logger())
    assert [point.step for point in curve(store, run, CPU)] == [0, 1]


def test_interval_0_disables_the_metrics(fit, store):
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=0), run.lightning_logger())
    assert not [name for name in store.client.get_run(run.id).data.metrics if "system" in name]


def test_other_loggers_get_no_system_metrics(fit, tmp_path):
    fit(SystemMetrics(), CSVLogger(tmp_path / "csv"))
    fit(SystemMetrics(), False)
    assert "system" not in (next((tmp_path / "csv").rglob("metrics.csv"))).read_text()


def test_two_threads_can_log_to_one_run(fit, store, caplog):
    """A point every 10 ms from the metrics' thread while every step is logged."""
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=0.01), run.lightning_logger(), max_epochs=10)
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
    assert [point.step for point in curve(store, run, "train/loss")] == list(range(30))
    points = curve(store, run, CPU)
    assert [point.step for point in points] == list(range(len(points)))


def test_failing_metrics_do_not_stop_the_training(fit, store, caplog):
    with Run.start(store, "load") as run:
        logger = run.lightning_logger()
        missing_run = "0" * 32
        logger.start_system_metrics = partial(start_system_metrics, store.uri, missing_run)
        fit(SystemMetrics(interval_s=0.01), logger, max_epochs=10)
    assert len(curve(store, run, "train/loss")) == 30
    assert not curve(store, run, CPU)
    assert "system metrics stopped" in caplog.text


def test_pynvml_is_installed():
    """Without this module, MLflow logs no GPU metrics and gives no warning."""
    import pynvml

    assert pynvml.nvmlInit
