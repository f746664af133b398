"""Keep the weights of before the first step, for fine-tuning (`init_from=…`)."""

from typing import Any

import pytorch_lightning as pl
from torch import Tensor


class InitialWeights(pl.Callback):
    """Keep a copy of the model's weights at the start of the training.

    It is part of every checkpoint, so that a resumed training can return to the initial weights. In
    a distributed training, the copy is made after the weights of rank 0 were broadcast.
    """

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Copy the weights to the CPU before the first step."""
        if trainer.global_step == 0:
            state = pl_module.model.state_dict()
            self.weights = {name: value.detach().cpu().clone() for name, value in state.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the initial weights."""
        return {"weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the initial weights."""
        self.weights = dict(state_dict["weights"])
