"""The run says how many songs could not be used, and which."""

import warnings
from dataclasses import replace

import pandas as pd
import pytest
import torch
from pytorch_lightning.loggers import CSVLogger

from ai_mixer.core.types import SkippedSong
from ai_mixer.tracking import Run
from ai_mixer.training.callbacks.skipped_songs import METRIC, TABLE, CountSkipped


def bad(*names):
    return [SkippedSong(f"{name}.wav", "no sound") for name in names]


@pytest.fixture
def heard(batches):
    """A function: what was skipped on the way to the first validation batches."""

    def give(*skipped):
        for place, songs in enumerate(skipped):
            batches[place] = replace(batches[place], skipped=songs)

    before = list(batches)
    yield give
    batches[:] = before


@pytest.fixture
def fitted(fit):
    """A function: train; returns what was said on the screen."""

    def train(*words, **more):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit(*words, **more)
        return [str(one.message) for one in caught if "skipped" in str(one.message)]

    return train


def points(store, run):
    return [point.value for point in store.client.get_metric_history(run.id, METRIC)]


def test_none_is_a_number_too(fitted, store):
    with Run.start(store, "skip") as run:
        assert not fitted(CountSkipped(), run.lightning_logger())
    assert points(store, run) == [0]
    assert not (run.artifact_dir / TABLE).exists()


def test_each_song_is_named_once_and_counted(fitted, heard, store):
    heard(bad("a", "b"), bad("b", "c"))
    with Run.start(store, "skip") as run:
        lines = fitted(CountSkipped(), run.lightning_logger(), max_epochs=2)
    assert lines == [f"song skipped: {name}.wav: no sound" for name in "abc"]
    assert points(store, run) == [0, 3]
    table = pd.read_csv(run.artifact_dir / TABLE)
    assert table["file"].tolist() == ["a.wav", "b.wav", "c.wav"]
    assert set(table["reason"]) == {"no sound"}


def test_those_known_from_the_start_are_counted_and_not_named_again(fitted, heard, store, parrot):
    heard(bad("a", "b"))
    callback = CountSkipped()
    callback.load_state_dict({"reasons": dict(bad("a"))})
    with Run.start(store, "skip") as run:
        assert fitted(callback, run.lightning_logger()) == ["song skipped: b.wav: no sound"]
    assert points(store, run) == [1, 2]


def test_a_resume_remembers(fitted, heard, store):
    heard(bad("a"))
    before, after = CountSkipped(), CountSkipped()
    with Run.start(store, "skip") as run:
        fitted(before, run.lightning_logger())
        after.load_state_dict(before.state_dict())
        assert not fitted(after, run.lightning_logger())
    assert len(pd.read_csv(run.artifact_dir / TABLE)) == 1


def test_a_training_that_breaks_still_says_it(fitted, heard, store, parrot):
    heard(bad("a"))
    parrot.training_step = lambda batch: 1 / 0 if parrot.asked else parrot.layer(batch).sum()
    with pytest.raises(ZeroDivisionError), Run.start(store, "skip") as run:
        fitted(CountSkipped(), run.lightning_logger(), max_epochs=2, val_check_interval=1)
    assert "a.wav" in (run.artifact_dir / TABLE).read_text()


def test_its_state_is_plain(tmp_path, heard):
    callback = CountSkipped()
    with pytest.warns(UserWarning, match="song skipped: a"):
        callback.skipped.add(bad("a"))
    torch.save(callback.state_dict(), tmp_path / "state")
    assert torch.load(tmp_path / "state", weights_only=True) == callback.state_dict()


def test_other_loggers_get_the_number(fitted, heard, tmp_path):
    heard(bad("a"))
    fitted(CountSkipped(), CSVLogger(tmp_path / "csv"))
    assert METRIC in next((tmp_path / "csv").rglob("metrics.csv")).read_text()
    fitted(CountSkipped(), False)
