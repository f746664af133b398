"""Early stopping that stays stopped after a resume."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason


class ResumableEarlyStopping(EarlyStopping):
    """Lightning's early stopping with the patience of the config, and stopped after a resume.

    Lightning restores the patience of the checkpoint instead of using the new one, and trains for
    another epoch when it resumes a training that was stopped early.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state without the patience."""
        super().load_state_dict({**state_dict, "patience": self.patience})
        if patience_left(state_dict, self.patience):
            self.stopping_reason = EarlyStoppingReason.NOT_STOPPED

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once if the training had stopped early."""
        if self.stopping_reason is not EarlyStoppingReason.NOT_STOPPED:
            trainer.should_stop = True


def patience_left(state: dict[str, Any], patience: int) -> bool:
    """Return whether a training with this state of `ResumableEarlyStopping` would continue."""
    exhausted = EarlyStoppingReason.PATIENCE_EXHAUSTED.value
    reasons = (EarlyStoppingReason.NOT_STOPPED.value, exhausted)
    return state["stopping_reason"] in reasons and state["wait_count"] < patience
