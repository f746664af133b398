"""Callbacks of a trial's training: pruning and errors per song."""

from types import SimpleNamespace

import optuna
import pytest
import torch
from pytorch_lightning.trainer.states import TrainerFn

from ai_mixer.tuning.pruning_callback import PruningCallback
from ai_mixer.tuning.song_errors import SongErrorsCallback


def trainer(epoch=0, fn=TrainerFn.FITTING, global_step=8, **metrics):
    known = {name.replace("_", "/"): torch.tensor(value) for name, value in metrics.items()}
    songs = [SimpleNamespace(id=name) for name in ("c", "a", "b")]
    data = SimpleNamespace(songs=lambda split: songs if split == "train" else songs[:1])
    return SimpleNamespace(
        sanity_checking=False,
        state=SimpleNamespace(fn=fn),
        global_step=global_step,
        callback_metrics=known,
        current_epoch=epoch,
        should_stop=False,
        datamodule=data,
    )


@pytest.fixture
def study():
    pruner = optuna.pruners.ThresholdPruner(lower=0.0)
    return optuna.create_study(direction="maximize", pruner=pruner)


def test_each_epoch_is_reported_and_pruning_stops_the_training(study):
    callback = PruningCallback(study.ask(), "val/skill")
    for epoch, value in enumerate((0.5, 0.25, -1.0)):
        training = trainer(epoch, val_skill=value)
        callback.on_validation_end(training, None)
        assert (callback.pruned, training.should_stop) == (2 * (epoch == 2,))
    assert study.trials[0].intermediate_values == {0: 0.5, 1: 0.25, 2: -1.0}


def test_epoch_reported_by_a_dead_worker_is_kept(study):
    trial = study.ask()
    trial.report(0.75, 1)
    callback = PruningCallback(trial, "val/skill")
    callback.on_validation_end(trainer(1, val_skill=0.5), None)
    callback.on_validation_end(trainer(2, val_skill=0.25), None)
    assert study.trials[0].intermediate_values == {1: 0.75, 2: 0.25}


def test_validation_of_initial_weights_is_no_epoch(study):
    callback = PruningCallback(study.ask(), "val/skill")
    training = trainer(0, fn=TrainerFn.VALIDATING, val_skill=-1.0)
    callback.on_validation_end(training, None)
    assert (callback.pruned, training.should_stop) == (False, False)
    assert study.trials[0].intermediate_values == {}


def test_missing_metric_raises_with_the_known_ones(study):
    with pytest.raises(KeyError, match=r"val/skil .*val/skill"):
        PruningCallback(study.ask(), "val/skil").on_validation_end(trainer(val_skill=1.0), None)


@pytest.mark.parametrize(("higher", "best"), [(True, 0.2), (False, 0.5)])
def test_song_errors_are_those_of_the_best_epoch(higher, best):
    """Mean error over the knobs that count, by the song's index among all songs."""
    callback = SongErrorsCallback("val/skill", higher)
    for score, error in ((0.1, 0.5), (0.9, 0.2), (0.3, 0.4)):
        training = trainer(val_skill=score)
        callback.on_validation_epoch_start(training, None)
        batch = SimpleNamespace(
            knobs=torch.zeros(3, 2),
            mask=torch.tensor([[True, False], [True, True], [True, True]]),
            song_id=["c", "c", "a"],
        )
        knobs = torch.tensor([[error, 9.0], [error, error], [0.0, 2 * error]])
        callback.on_validation_batch_end(training, None, knobs, batch, 0, 0)
        callback.on_validation_end(training, None)
    assert callback.errors == {2: pytest.approx(best), 0: pytest.approx(best)}


def test_song_errors_before_the_first_step_are_not_compared():
    callback = SongErrorsCallback("val/skill", True)
    callback.on_validation_end(trainer(global_step=0, val_skill=0.9), None)
    assert callback._best == float("-inf")
