"""State restored from a checkpoint: step, best score, early stop and random numbers."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from ai_mixer.training.callbacks.early_stopping import ResumableEarlyStopping
from ai_mixer.training.callbacks.last_checkpoint import LastCheckpoint
from ai_mixer.training.callbacks.reseed import Reseed

SCORES = [0.5, 0.4, 0.3, 0.6, 0.2, 0.1]  # per epoch


class ScoredModule(pl.LightningModule):
    """Has fixed scores, and records the random numbers of each step."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.drawn = {}

    def training_step(self, batch, batch_idx):
        draws = (torch.rand(()).item(), random.random(), np.random.random())  # noqa: NPY002
        self.drawn[self.current_epoch, batch_idx] = draws
        return self.layer(batch).sum() * 0

    def validation_step(self, batch, batch_idx):
        self.log("score", SCORES[self.current_epoch])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.fixture
def fit(tmp_path):
    """A function that trains for some epochs in a folder, optionally from a checkpoint."""

    def train(epochs, *callbacks, ckpt_path=None, folder="run"):
        module = ScoredModule()
        for callback in callbacks:
            if isinstance(callback, ModelCheckpoint):
                callback.dirpath = str(tmp_path / folder)
        trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            callbacks=list(callbacks),
            enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
            logger=False,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path / "lightning",
        )
        steps = DataLoader([torch.ones(1)] * 2)
        trainer.fit(
            module, steps, DataLoader([torch.ones(1)]), ckpt_path=ckpt_path, weights_only=True
        )
        return trainer, module

    return train


def best_checkpoint():
    options = {"monitor": "score", "mode": "max", "filename": "best"}
    return ModelCheckpoint(**options, enable_version_counter=False)


def early_stopping(patience):
    return ResumableEarlyStopping(monitor="score", mode="max", patience=patience)


def test_last_checkpoint_exists_before_the_first_epoch(fit, tmp_path):
    steps = []

    class ReadStep(pl.Callback):
        def on_train_batch_start(self, trainer, module, batch, batch_idx):
            state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
            steps.append(state["global_step"])

    fit(2, LastCheckpoint(), ReadStep())
    assert steps == [0, 0, 2, 2]


def test_resuming_from_another_runs_checkpoint_does_not_change_it(fit, tmp_path):
    fit(2, LastCheckpoint(), folder="other")
    other = tmp_path / "other" / "last.ckpt"
    before = other.read_bytes()
    with pytest.warns(UserWarning, match="dirpath has changed"):
        trainer, _ = fit(2, LastCheckpoint(), ckpt_path=other)
    assert trainer.global_step == 4
    assert other.read_bytes() == before


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
@pytest.mark.parametrize("folder", ["run", "moved"])
def test_best_score_is_restored_after_a_move(fit, tmp_path, folder):
    """Epoch 0 has the best score of three."""
    fit(1, best_checkpoint(), LastCheckpoint())
    if folder == "moved":
        shutil.move(tmp_path / "run", tmp_path / "moved")
    checkpoint = best_checkpoint()
    fit(3, checkpoint, LastCheckpoint(), folder=folder, ckpt_path=tmp_path / folder / "last.ckpt")
    assert checkpoint.best_model_score == SCORES[0]
    assert checkpoint.best_model_path == str(tmp_path / folder / "best.ckpt")
    state = torch.load(checkpoint.best_model_path, weights_only=True)
    assert state["epoch"] == 0
    assert {file.name for file in (tmp_path / folder).iterdir()} == {"best.ckpt", "last.ckpt"}


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
def test_patience_is_counted_across_a_resume(fit, tmp_path):
    uninterrupted, _ = fit(6, early_stopping(2), LastCheckpoint(), folder="uninterrupted")
    fit(2, early_stopping(2), LastCheckpoint())
    resumed, _ = fit(
        6, early_stopping(2), LastCheckpoint(), ckpt_path=tmp_path / "run" / "last.ckpt"
    )
    assert uninterrupted.current_epoch == resumed.current_epoch == 3


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
def test_an_early_stop_is_kept_unless_patience_is_raised(fit, tmp_path):
    fit(6, early_stopping(2), LastCheckpoint())
    ckpt = tmp_path / "run" / "last.ckpt"
    trainer, module = fit(6, early_stopping(2), LastCheckpoint(), ckpt_path=ckpt)
    assert not module.drawn
    assert trainer.global_step == 6
    trainer, module = fit(6, early_stopping(3), LastCheckpoint(), ckpt_path=ckpt)
    assert sorted({epoch for epoch, _ in module.drawn}) == [3, 4, 5]


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
def test_random_numbers_depend_on_seed_and_step_only(fit, tmp_path):
    _, uninterrupted = fit(3, Reseed(7), LastCheckpoint(), folder="uninterrupted")
    fit(1, Reseed(7), LastCheckpoint())
    torch.rand(3)
    _, resumed = fit(3, Reseed(7), LastCheckpoint(), ckpt_path=tmp_path / "run" / "last.ckpt")
    assert resumed.drawn == {key: v for key, v in uninterrupted.drawn.items() if key[0] > 0}
    _, other = fit(3, Reseed(8), LastCheckpoint(), folder="other")
    values = [draw for module in (uninterrupted, other) for draw in module.drawn.values()]
    assert len(set(values)) == len(values)


def test_checkpoints_are_saved_in_the_runs_folder_only(fit, tmp_path):
    fit(1, LastCheckpoint())
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.ckpt")] == [
        Path("run/last.ckpt")
    ]
