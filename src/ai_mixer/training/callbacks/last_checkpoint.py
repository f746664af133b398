"""The newest epoch as `last.ckpt`: what `ckpt_path=last` goes on from."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint


class LastCheckpoint(ModelCheckpoint):
    """Written after every epoch, and once before the first: a run can go on whenever it stops."""

    def __init__(self) -> None:
        super().__init__(filename="last", enable_version_counter=False)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Where training starts, unless a checkpoint is there already."""
        super().on_train_start(trainer, pl_module)
        path = str(Path(self.dirpath or ".", "last.ckpt"))
        trial: bool = trainer.fast_dev_run  # type: ignore[attr-defined]
        if not trial and not self.file_exists(path, trainer):
            trainer.save_checkpoint(path)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Checkpoints are where this run's folder is now: it may have moved since."""
        here = Path(self.dirpath or ".").resolve()
        old = checkpoint["callbacks"].get(self.state_key, {}).get("dirpath")
        if old and trainer.ckpt_path and Path(trainer.ckpt_path).resolve().parent == here:
            moved = _rebase_paths(checkpoint["callbacks"], str(old), str(self.dirpath))
            checkpoint["callbacks"] = moved


def _rebase_paths(state: Any, old: str, new: str) -> Any:
    """The same state with every path below `old` below `new`."""
    if isinstance(state, dict):
        return {
            _rebase_paths(key, old, new): _rebase_paths(value, old, new)
            for key, value in state.items()
        }
    if isinstance(state, str) and Path(state).is_relative_to(old):
        return str(Path(new) / Path(state).relative_to(old))
    return state
