"""The machine's load in the run: from the first step to the last, and not a thread longer."""

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


def watching():
    return [thread for thread in threading.enumerate() if "SystemMetrics" in thread.name]


def curve(store, run, name):
    return store.client.get_metric_history(run.id, name)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    assert not watching()
    yield
    assert not watching()


def test_a_short_training_has_a_point_too(fit, store):
    """One that is over before the first interval is."""
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=600), run.lightning_logger())
    for name in (CPU, MEMORY):
        (point,) = curve(store, run, name)
        assert point.step == 0
    assert curve(store, run, MEMORY)[0].value > 0
    experiments = [experiment.experiment_id for experiment in store.client.search_experiments()]
    assert len(store.client.search_runs(experiments)) == 1


def test_points_come_while_it_trains(fit, store, parrot):
    seen = []
    step = parrot.training_step

    def busy(batch):
        seen.append(len(watching()))
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            sum(range(1000))
        return step(batch)

    parrot.training_step = busy
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=0.1), run.lightning_logger())
        assert curve(store, run, "train/loss")
    assert seen == [1, 1, 1]
    points = curve(store, run, CPU)
    assert [point.step for point in points] == list(range(len(points)))
    assert len(points) >= 3
    assert points[0].value > 0  # MLflow's own first point is always 0


@pytest.mark.parametrize(
    ("error", "outcome"), [(RuntimeError("no"), RuntimeError), (KeyboardInterrupt(), SystemExit)]
)
def test_a_training_that_breaks_ends_it_too(fit, store, parrot, error, outcome):
    def broken(batch):
        raise error

    parrot.training_step = broken
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(outcome), Run.start(store, "load") as run:
            fit(SystemMetrics(interval_s=600), run.lightning_logger())
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning leaves it switched off
    assert not watching()
    assert len(curve(store, run, CPU)) == 1


def test_a_resumed_run_goes_on_where_it_stood(fit, store):
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=600), run.lightning_logger())
    with Run.resume(store, run.id) as again:
        fit(SystemMetrics(interval_s=600), again.lightning_logger())
    assert [point.step for point in curve(store, run, CPU)] == [0, 1]


def test_the_switch(fit, store):
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=0), run.lightning_logger())
    assert not [name for name in store.client.get_run(run.id).data.metrics if "system" in name]


def test_other_loggers_are_left_alone(fit, tmp_path):
    fit(SystemMetrics(), CSVLogger(tmp_path / "csv"))
    fit(SystemMetrics(), False)
    assert "system" not in (next((tmp_path / "csv").rglob("metrics.csv"))).read_text()


def test_two_writers_of_one_run_do_not_lock_each_other_out(fit, store, caplog):
    """A point every 10 ms from the thread while every step is logged."""
    with Run.start(store, "load") as run:
        fit(SystemMetrics(interval_s=0.01), run.lightning_logger(), max_epochs=10)
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
    assert [point.step for point in curve(store, run, "train/loss")] == list(range(30))
    points = curve(store, run, CPU)
    assert [point.step for point in points] == list(range(len(points)))


def test_what_cannot_be_written_does_not_stop_a_training(fit, store, caplog):
    with Run.start(store, "load") as run:
        logger = run.lightning_logger()
        logger.start_system_metrics = partial(
            start_system_metrics, store.uri, "0" * 32
        )  # no such run
        fit(SystemMetrics(interval_s=0.01), logger, max_epochs=10)
    assert len(curve(store, run, "train/loss")) == 30
    assert not curve(store, run, CPU)
    assert "system metrics end here" in caplog.text


def test_gpus_can_be_read():
    """MLflow leaves GPUs out, without a word, where this module is missing."""
    import pynvml

    assert pynvml.nvmlInit
