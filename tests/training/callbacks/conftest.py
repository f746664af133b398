"""A stub system with known predictions, and trainings of it that take no time."""

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from ai_mixer.console.load import load_console
from ai_mixer.core.types import CONDITIONS, Batch, Example

STEPS = 3
VAL_BATCHES = 4
BATCH_SIZE = 6


def example(number, knobs):
    draw = torch.Generator().manual_seed(number)
    silence = torch.zeros(2, 8)
    return Example(
        rough=silence,
        finished=silence,
        reference=silence,
        condition=number % len(CONDITIONS),
        knobs=torch.rand(knobs, generator=draw),
        mask=torch.rand(knobs, generator=draw) < 0.8,
        genre=0,
        sample_rate=44100,
        song_id=f"song {number // 3 % 4}",
    )


@pytest.fixture(scope="session")
def batches():
    """Four validation batches of six examples: four songs, three conditions, some knobs masked."""
    knobs = len(load_console("classic").knobs)
    examples = [example(number, knobs) for number in range(VAL_BATCHES * BATCH_SIZE)]
    return [
        Batch.collate(examples[start : start + BATCH_SIZE])
        for start in range(0, len(examples), BATCH_SIZE)
    ]


class StubSystem(pl.LightningModule):
    """Predicts 0.7 of the true positions (from the middle), and counts its validation steps."""

    def __init__(self):
        super().__init__()
        self.console = load_console("classic")
        self.mean_knobs = torch.full((len(self.console.knobs),), 0.5)
        self.layer = nn.Linear(1, 1)
        self.n_validation_steps = 0

    def predict_knobs(self, batch):
        return 0.5 + 0.7 * (batch.knobs - 0.5)

    def training_step(self, batch):
        loss = self.layer(batch).square().mean()
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        self.n_validation_steps += 1
        return self.predict_knobs(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.fixture
def system():
    return StubSystem()


@pytest.fixture
def fit(tmp_path, system, batches):
    """A function that trains the system with a callback; options go to Lightning's Trainer."""

    def train(callback, logger, **options):
        trainer = pl.Trainer(
            logger=logger,
            callbacks=[callback],
            **{
                "accelerator": "cpu",
                "max_epochs": 1,
                "log_every_n_steps": 1,
                "num_sanity_val_steps": 0,
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "enable_checkpointing": False,
                "default_root_dir": tmp_path / "lightning",
                **options,
            },
        )
        steps = DataLoader([torch.ones(1)] * STEPS)
        trainer.fit(system, steps, DataLoader(batches, batch_size=None))
        return trainer

    return train
