"""The callbacks that a trial's training carries."""

from types import SimpleNamespace

import optuna
import pytest
import torch

from ai_mixer.tuning.pruning_callback import PruningCallback, SongErrorsCallback


def trainer(epoch=0, **metrics):
    known = {name.replace("_", "/"): torch.tensor(value) for name, value in metrics.items()}
    songs = [SimpleNamespace(id=name) for name in ("c", "a", "b")]
    data = SimpleNamespace(songs=lambda split: songs if split == "train" else songs[:1])
    return SimpleNamespace(
        sanity_checking=False,
        callback_metrics=known,
        current_epoch=epoch,
        should_stop=False,
        datamodule=data,
    )


@pytest.fixture
def study():
    pruner = optuna.pruners.ThresholdPruner(lower=0.0)
    return optuna.create_study(direction="maximize", pruner=pruner)


def test_each_epoch_is_told_and_a_hopeless_trial_stops(study):
    watcher = PruningCallback(study.ask(), "val/skill")
    for epoch, value in enumerate((0.5, 0.25, -1.0)):
        training = trainer(epoch, val_skill=value)
        watcher.on_validation_end(training, None)
        assert (watcher.pruned, training.should_stop) == (2 * (epoch == 2,))
    assert study.trials[0].intermediate_values == {0: 0.5, 1: 0.25, 2: -1.0}


def test_an_epoch_that_a_dead_worker_told_stays(study):
    trial = study.ask()
    trial.report(0.75, 1)
    watcher = PruningCallback(trial, "val/skill")
    watcher.on_validation_end(trainer(1, val_skill=0.5), None)
    watcher.on_validation_end(trainer(2, val_skill=0.25), None)
    assert study.trials[0].intermediate_values == {1: 0.75, 2: 0.25}


def test_a_metric_that_is_not_there_is_named(study):
    with pytest.raises(KeyError, match="val/skil is not known after an epoch; known are val/skill"):
        PruningCallback(study.ask(), "val/skil").on_validation_end(trainer(val_skill=1.0), None)


@pytest.mark.parametrize(("higher", "best"), [(True, 0.2), (False, 0.5)])
def test_songs_are_judged_in_the_best_epoch(higher, best):
    """Mean distance of the knobs that count, per song, by its place among all songs."""
    watcher = SongErrorsCallback("val/skill", higher)
    for score, error in ((0.1, 0.5), (0.9, 0.2), (0.3, 0.4)):
        training = trainer(val_skill=score)
        watcher.on_validation_epoch_start(training, None)
        batch = SimpleNamespace(
            knobs=torch.zeros(3, 2),
            mask=torch.tensor([[True, False], [True, True], [True, True]]),
            song_id=["c", "c", "a"],
        )
        answers = torch.tensor([[error, 9.0], [error, error], [0.0, 2 * error]])
        watcher.on_validation_batch_end(training, None, answers, batch, 0, 0)
        watcher.on_validation_end(training, None)
    assert watcher.errors == {2: pytest.approx(best), 0: pytest.approx(best)}
