"""Save the newest epoch as `last.ckpt`, from which `ckpt_path=last` resumes."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint


class LastCheckpoint(ModelCheckpoint):
    """Save `last.ckpt` after every epoch and before the first, so that any run can be resumed."""

    def __init__(self) -> None:
        super().__init__(filename="last", enable_version_counter=False)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the initial state, unless a checkpoint exists."""
        super().on_train_start(trainer, pl_module)
        path = str(Path(self.dirpath or ".", "last.ckpt"))
        fast_dev_run: bool = trainer.fast_dev_run  # type: ignore[attr-defined]
        if not fast_dev_run and not self.file_exists(path, trainer):
            trainer.save_checkpoint(path)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Update the paths in the checkpoint if the folder of the run has moved."""
        here = Path(self.dirpath or ".").resolve()
        old = checkpoint["callbacks"].get(self.state_key, {}).get("dirpath")
        if old and trainer.ckpt_path and Path(trainer.ckpt_path).resolve().parent == here:
            rebased = _rebase_paths(checkpoint["callbacks"], str(old), str(self.dirpath))
            checkpoint["callbacks"] = rebased


def _rebase_paths(state: Any, old: str, new: str) -> Any:
    """The state with every path below `old` replaced by the same path below `new`."""
    if isinstance(state, dict):
        return {
            _rebase_paths(key, old, new): _rebase_paths(value, old, new)
            for key, value in state.items()
        }
    if isinstance(state, str) and Path(state).is_relative_to(old):
        return str(Path(new) / Path(state).relative_to(old))
    return state
