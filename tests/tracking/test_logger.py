"""The logger drops points at or before the last step of a metric."""

from ai_mixer.tracking.logger import RunLogger
from ai_mixer.tracking.run import Run
from ai_mixer.tracking.store import Store


def history(store: Store, run: Run, name: str) -> list[tuple[int, float]]:
    return [(p.step, p.value) for p in store.client.get_metric_history(run.id, name)]


def test_a_resumed_metric_has_each_step_once(store: Store) -> None:
    run = Run.start(store, "train")
    first = run.lightning_logger()
    for step in range(5):
        first.log_metrics({"loss": float(step)}, step)
    first.log_metrics({"val": 0.5}, 2)
    resumed = run.lightning_logger()
    for step in range(2, 7):
        resumed.log_metrics({"loss": 10.0 + step, "val": 10.0 + step}, step)
    assert history(store, run, "loss") == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 15), (6, 16)]
    assert history(store, run, "val") == [(2, 0.5), (3, 13), (4, 14), (5, 15), (6, 16)]


def test_a_metric_logged_twice_at_a_step_has_one_point(store: Store) -> None:
    """Lightning logs `epoch` with each call."""
    run = Run.start(store, "train")
    logger = run.lightning_logger()
    logger.log_metrics({"epoch": 0.0, "train": 1.0}, 3)
    logger.log_metrics({"epoch": 0.0, "val": 2.0}, 3)
    logger.log_metrics({"epoch": 0.0}, None)
    assert [history(store, run, name) for name in ("epoch", "train", "val")] == [
        [(3, 0)],
        [(3, 1)],
        [(3, 2)],
    ]


def test_the_logger_belongs_to_its_run(store: Store) -> None:
    run = Run.start(store, "train")
    assert isinstance(run.lightning_logger(), RunLogger)
    assert run.lightning_logger().version == run.id
