"""Seed random generators by (seed, epoch, step), so that a resumed training is deterministic."""

import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from ai_mixer.utils.distributed import rank


class Reseed(pl.Callback):
    """Seed the global generators of torch, numpy and Python before each training step.

    Once per epoch is not enough: loaders, validation and plots may use the generators in between.
    The processes of a distributed training have different seeds.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed by (seed, epoch, step of the epoch, rank)."""
        entropy = [self.seed, trainer.current_epoch, batch_idx, rank()]
        number = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        torch.manual_seed(number)
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002  # other packages use the global generator
