"""Dropout and its like depend on (seed, epoch, step): a resumed epoch draws what it would have."""

import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from ai_mixer.utils.distributed import rank


class Reseed(pl.Callback):
    """Seeds the global generators of torch, numpy and Python before each training step.

    Not once an epoch: loaders, validation and pictures may draw from them in between. The processes
    of a distributed training draw apart from each other.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """From (seed, epoch, step of the epoch, process) alone, whatever was drawn before."""
        place = [self.seed, trainer.current_epoch, batch_idx, rank()]
        number = int(np.random.SeedSequence(place).generate_state(1)[0])
        torch.manual_seed(number)
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002  # the global one is what other packages draw from
