from threading import Barrier, Thread

from sqlalchemy import event

from ai_mixer.tracking.run import Run
from ai_mixer.tracking.store import Store


def test_the_songs_of_a_run_are_its_dataset(store: Store) -> None:
    """As the UI's column `Dataset` shows them; told twice, as on a resume, they are one."""
    run = Run.start(store, "x")
    for _ in range(2):
        run.log_dataset("band", "0123456789abcdef", {"train": 48, "val": 12})
    (found,) = store.client.get_run(run.id).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("band", "0123456789abcdef")
    assert found.dataset.profile == '{"train": 48, "val": 12}'


def test_two_runs_may_be_the_first_with_the_same_songs(store: Store) -> None:
    """Both look for the songs before either has written them down."""
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
