"""Dropout and its like depend on (seed, epoch): a resumed epoch draws what it would have drawn."""

import random

import numpy as np
import pytorch_lightning as pl
import torch

from ai_mixer.processes import rank


class Reseed(pl.Callback):
    """Seeds the global generators of torch, numpy and Python as each epoch starts.

    The processes of a distributed training draw apart from each other.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """From (seed, epoch, process) alone, whatever was drawn before."""
        sequence = np.random.SeedSequence([self.seed, trainer.current_epoch, rank()])
        number = int(sequence.generate_state(1)[0])
        torch.manual_seed(number)
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002  # the global one is what other packages draw from
