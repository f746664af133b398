"""What a checkpoint brings back: where it was, what was best, whether it had stopped, the draws."""

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

SCORES = [0.5, 0.4, 0.3, 0.6, 0.2, 0.1]  # of the epochs


class Scored(pl.LightningModule):
    """Learns nothing; its score is known beforehand. Remembers what it drew in each step."""

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
    """A function: so many epochs in a folder, from a checkpoint or not."""

    def train(epochs, *callbacks, ckpt_path=None, folder="run"):
        module = Scored()
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


def best():
    options = {"monitor": "score", "mode": "max", "filename": "best"}
    return ModelCheckpoint(**options, enable_version_counter=False)


def patient(patience):
    return ResumableEarlyStopping(monitor="score", mode="max", patience=patience)


def test_there_is_a_checkpoint_before_the_first_epoch(fit, tmp_path):
    seen = []

    class Look(pl.Callback):
        def on_train_batch_start(self, trainer, module, batch, batch_idx):
            state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
            seen.append(state["global_step"])

    fit(2, LastCheckpoint(), Look())
    assert seen == [0, 0, 2, 2]


def test_a_new_run_from_another_s_checkpoint_has_its_own_at_once(fit, tmp_path):
    fit(2, LastCheckpoint(), folder="other")
    other = tmp_path / "other" / "last.ckpt"
    before = other.read_bytes()
    with pytest.warns(UserWarning, match="dirpath has changed"):
        trainer, _ = fit(2, LastCheckpoint(), ckpt_path=other)
    assert trainer.global_step == 4
    assert other.read_bytes() == before


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
@pytest.mark.parametrize("folder", ["run", "moved"])
def test_the_best_is_remembered_also_after_a_move(fit, tmp_path, folder):
    """Epoch 0 is the best of three; 1 and 2 are worse than it and must not take its place."""
    fit(1, best(), LastCheckpoint())
    if folder == "moved":
        shutil.move(tmp_path / "run", tmp_path / "moved")
    kept = best()
    fit(3, kept, LastCheckpoint(), folder=folder, ckpt_path=tmp_path / folder / "last.ckpt")
    assert kept.best_model_score == SCORES[0]
    assert kept.best_model_path == str(tmp_path / folder / "best.ckpt")
    state = torch.load(kept.best_model_path, weights_only=True)
    assert state["epoch"] == 0
    assert {file.name for file in (tmp_path / folder).iterdir()} == {"best.ckpt", "last.ckpt"}


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
def test_patience_is_counted_across_a_resume(fit, tmp_path):
    straight, _ = fit(6, patient(2), LastCheckpoint(), folder="straight")
    fit(2, patient(2), LastCheckpoint())
    resumed, _ = fit(6, patient(2), LastCheckpoint(), ckpt_path=tmp_path / "run" / "last.ckpt")
    assert straight.current_epoch == resumed.current_epoch == 3


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
def test_what_had_stopped_stays_so_unless_patience_is_raised(fit, tmp_path):
    fit(6, patient(2), LastCheckpoint())
    ckpt = tmp_path / "run" / "last.ckpt"
    trainer, module = fit(6, patient(2), LastCheckpoint(), ckpt_path=ckpt)
    assert not module.drawn
    assert trainer.global_step == 6
    trainer, module = fit(6, patient(3), LastCheckpoint(), ckpt_path=ckpt)
    assert sorted({epoch for epoch, _ in module.drawn}) == [3, 4, 5]


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
def test_draws_depend_on_seed_and_step_alone(fit, tmp_path):
    _, straight = fit(3, Reseed(7), LastCheckpoint(), folder="straight")
    fit(1, Reseed(7), LastCheckpoint())
    torch.rand(3)
    _, resumed = fit(3, Reseed(7), LastCheckpoint(), ckpt_path=tmp_path / "run" / "last.ckpt")
    assert resumed.drawn == {key: v for key, v in straight.drawn.items() if key[0] > 0}
    _, other = fit(3, Reseed(8), LastCheckpoint(), folder="other")
    values = [draw for module in (straight, other) for draw in module.drawn.values()]
    assert len(set(values)) == len(values)


def test_the_run_s_checkpoints_lie_where_they_should(fit, tmp_path):
    fit(1, LastCheckpoint())
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.ckpt")] == [
        Path("run/last.ckpt")
    ]
