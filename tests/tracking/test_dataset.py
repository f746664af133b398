"""The songs of a run are logged as its dataset."""

from threading import Barrier, Thread

from sqlalchemy import event

from ai_mixer.tracking.run import Run
from ai_mixer.tracking.store import Store


def test_a_dataset_logged_twice_is_one_dataset(store: Store) -> None:
    """As on a resume."""
    run = Run.start(store, "x")
    for _ in range(2):
        run.log_dataset("band", "0123456789abcdef", {"train": 48, "val": 12})
    (logged,) = store.client.get_run(run.id).inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("band", "0123456789abcdef")
    assert logged.dataset.profile == '{"train": 48, "val": 12}'


def test_two_runs_can_log_the_same_new_dataset_at_once(store: Store) -> None:
    """Both query the dataset before either has inserted it."""
    runs = [Run.start(store, "x"), Run.start(store, "x")]
    both, errors = Barrier(2), []

    def wait(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO datasets") and both.n_waiting < 2 and not both.broken:
            both.wait(timeout=10)

    def log(run: Run) -> None:
        try:
            run.log_dataset("band", "0123456789abcdef", {"train": 48})
        except Exception as error:
            errors.append(error)

    engine = store.client._tracking_client.store.engine
    event.listen(engine, "before_cursor_execute", wait)
    threads = [Thread(target=log, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    event.remove(engine, "before_cursor_execute", wait)
    assert not errors
    for run in runs:
        assert len(store.client.get_run(run.id).inputs.dataset_inputs) == 1
