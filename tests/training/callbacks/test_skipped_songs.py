"""Skipped songs are counted and listed in the run."""

import warnings
from dataclasses import replace

import pandas as pd
import pytest
import torch
from pytorch_lightning.loggers import CSVLogger

from ai_mixer.core.types import SkippedSong
from ai_mixer.tracking import Run
from ai_mixer.training.callbacks.skipped_songs import METRIC, TABLE, CountSkipped


def skipped_songs(*names):
    return [SkippedSong(f"{name}.wav", "no sound") for name in names]


@pytest.fixture
def skip_in_batches(batches):
    """A function that sets the skipped songs of the first validation batches."""

    def patch(*skipped):
        for index, songs in enumerate(skipped):
            batches[index] = replace(batches[index], skipped=songs)

    before = list(batches)
    yield patch
    batches[:] = before


@pytest.fixture
def fit_warnings(fit):
    """A function that trains and returns the warnings about skipped songs."""

    def train(*args, **options):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit(*args, **options)
        return [str(one.message) for one in caught if "skipped" in str(one.message)]

    return train


def points(store, run):
    return [point.value for point in store.client.get_metric_history(run.id, METRIC)]


def test_metric_is_0_without_skipped_songs(fit_warnings, store):
    with Run.start(store, "skip") as run:
        assert not fit_warnings(CountSkipped(), run.lightning_logger())
    assert points(store, run) == [0]
    assert not (run.artifact_dir / TABLE).exists()


def test_each_skipped_song_is_warned_of_once_and_counted(fit_warnings, skip_in_batches, store):
    skip_in_batches(skipped_songs("a", "b"), skipped_songs("b", "c"))
    with Run.start(store, "skip") as run:
        lines = fit_warnings(CountSkipped(), run.lightning_logger(), max_epochs=2)
    assert lines == [f"song skipped: {name}.wav: no sound" for name in "abc"]
    assert points(store, run) == [0, 3]
    table = pd.read_csv(run.artifact_dir / TABLE)
    assert table["file"].tolist() == ["a.wav", "b.wav", "c.wav"]
    assert set(table["reason"]) == {"no sound"}


def test_known_skipped_songs_are_counted_without_a_warning(
    fit_warnings, skip_in_batches, store, system
):
    skip_in_batches(skipped_songs("a", "b"))
    callback = CountSkipped()
    callback.load_state_dict({"reasons": dict(skipped_songs("a"))})
    with Run.start(store, "skip") as run:
        assert fit_warnings(callback, run.lightning_logger()) == ["song skipped: b.wav: no sound"]
    assert points(store, run) == [1, 2]


def test_skipped_songs_are_restored_without_a_warning(fit_warnings, skip_in_batches, store):
    skip_in_batches(skipped_songs("a"))
    before, after = CountSkipped(), CountSkipped()
    with Run.start(store, "skip") as run:
        fit_warnings(before, run.lightning_logger())
        after.load_state_dict(before.state_dict())
        assert not fit_warnings(after, run.lightning_logger())
    assert len(pd.read_csv(run.artifact_dir / TABLE)) == 1


def test_skipped_songs_are_logged_when_the_training_fails(
    fit_warnings, skip_in_batches, store, system
):
    skip_in_batches(skipped_songs("a"))
    system.training_step = lambda batch: (
        1 / 0 if system.n_validation_steps else system.layer(batch).sum()
    )
    with pytest.raises(ZeroDivisionError), Run.start(store, "skip") as run:
        fit_warnings(CountSkipped(), run.lightning_logger(), max_epochs=2, val_check_interval=1)
    assert "a.wav" in (run.artifact_dir / TABLE).read_text()


def test_state_can_be_loaded_with_weights_only(tmp_path, skip_in_batches):
    callback = CountSkipped()
    with pytest.warns(UserWarning, match="song skipped: a"):
        callback.skipped.add(skipped_songs("a"))
    torch.save(callback.state_dict(), tmp_path / "state")
    assert torch.load(tmp_path / "state", weights_only=True) == callback.state_dict()


def test_other_loggers_get_the_metric(fit_warnings, skip_in_batches, tmp_path):
    skip_in_batches(skipped_songs("a"))
    fit_warnings(CountSkipped(), CSVLogger(tmp_path / "csv"))
    assert METRIC in next((tmp_path / "csv").rglob("metrics.csv")).read_text()
    fit_warnings(CountSkipped(), False)
