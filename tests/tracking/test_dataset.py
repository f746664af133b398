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
