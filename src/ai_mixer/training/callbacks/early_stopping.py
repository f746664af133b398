"""Early stopping that remembers, after a resume, that it had stopped."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason


class ResumableEarlyStopping(EarlyStopping):
    """Lightning's, but the patience is the config's, and a stop outlives a resume.

    Lightning keeps the checkpoint's patience whatever the command line says now, and goes on for
    another epoch if it is asked to resume a training that it had stopped.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """All but the patience."""
        super().load_state_dict({**state_dict, "patience": self.patience})
        if patience_left(state_dict, self.patience):
            self.stopping_reason = EarlyStoppingReason.NOT_STOPPED

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stopped before: nothing is left to do."""
        if self.stopping_reason is not EarlyStoppingReason.NOT_STOPPED:
            trainer.should_stop = True


def patience_left(state: dict[str, Any], patience: int) -> bool:
    """Would a training with this state of `ResumableEarlyStopping` go on under that patience?"""
    exhausted = EarlyStoppingReason.PATIENCE_EXHAUSTED.value
    reasons = (EarlyStoppingReason.NOT_STOPPED.value, exhausted)
    return state["stopping_reason"] in reasons and state["wait_count"] < patience
