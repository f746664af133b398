"""Resume a training (`ckpt_path=…`): compose the run's original overrides, then the new ones."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ai_mixer.config.compose import compose
from ai_mixer.config.overrides import merge_overrides, without_keys
from ai_mixer.tracking import ResumePoint, Store
from ai_mixer.tracking.checkpoint_io import completed_epochs, read_checkpoint
from ai_mixer.tracking.resume_points import find_resume_points
from ai_mixer.training.builders import TrainingComponents, raw_override_value
from ai_mixer.training.callbacks.early_stopping import patience_left
from ai_mixer.training.preflight import mismatched_weight
from ai_mixer.utils.distributed import rank

CHECKPOINT_ENV = "AI_MIXER_CHECKPOINT"  # from rank 0 of a distributed training to the other ranks


def with_run_overrides(overrides: list[str]) -> list[str]:
    """Return the overrides to compose: if `ckpt_path=` names a run, after the run's overrides.

    `last` is replaced by the id of its run. FileNotFoundError or ValueError if there is no such
    run or checkpoint, or nothing left to train.
    """
    which = raw_override_value(overrides, "ckpt_path")
    if which in (None, "null") or rank() > 0:  # other ranks are started with rank 0's overrides
        return overrides
    first_error = None
    for start in find_resume_points(which, _store(overrides)):
        if start.run_id is None:
            return overrides
        ckpt_path = f"ckpt_path={start.run_id if which == 'last' else which}"
        # The folder of the runs may have moved, so only the new overrides can name it.
        original = without_keys(start.overrides, "ckpt_path", "paths.mlruns")
        merged = [*merge_overrides(original, without_keys(overrides, "ckpt_path")), ckpt_path]
        reason = _nothing_left_reason(_compose(merged), start)
        if reason is None:
            return merged
        first_error = first_error or ValueError(reason)
    raise first_error or ValueError(f"ckpt_path={which}: no run to resume")


def find_resume_point(cfg: DictConfig, overrides: Iterable[str]) -> ResumePoint:
    """Return where the training of a config with these overrides starts."""
    if cfg.ckpt_path is None:
        start = ResumePoint()
    elif rank() == 0:
        which = raw_override_value(overrides, "ckpt_path") or str(cfg.ckpt_path)
        start = next(find_resume_points(which, Store(cfg.paths.mlruns)))
    elif CHECKPOINT_ENV in os.environ:
        checkpoint = os.environ[CHECKPOINT_ENV]
        return ResumePoint(Path(checkpoint) if checkpoint else None)
    else:
        raise ValueError("ckpt_path=… needs processes started by trainer=ddp")
    os.environ[CHECKPOINT_ENV] = str(start.checkpoint or "")
    return start


def check_resume_point(cfg: DictConfig, parts: TrainingComponents, start: ResumePoint) -> None:
    """Check that epochs are left and that the weights match the model. ValueError otherwise."""
    reason = _nothing_left_reason(cfg, start)
    if reason:
        raise ValueError(reason)
    if start.checkpoint is None:
        return
    weights = read_checkpoint(start.checkpoint)["state_dict"]
    key = mismatched_weight(weights, parts.system.state_dict())
    if key is not None:
        raise ValueError(
            f"ckpt_path={start.checkpoint} is of another model or console ({key}): "
            "give its original overrides"
        )


def _store(overrides: Iterable[str]) -> Store:
    """The store of these overrides; the others may be valid only with those of the run."""
    paths = [override for override in overrides if override.startswith("paths")]
    return Store(_compose(paths).paths.mlruns)


def _compose(overrides: list[str]) -> DictConfig:
    return compose("train", overrides)


def _nothing_left_reason(cfg: DictConfig, start: ResumePoint) -> str | None:
    """Why nothing is left to train, or None; an unfinished run still has to be evaluated."""
    if start.checkpoint is None or (start.run_id is not None and not start.finished):
        return None
    checkpoint = read_checkpoint(start.checkpoint)
    completed, max_epochs = completed_epochs(checkpoint), cfg.trainer.max_epochs
    name = f"run {start.run_id[:8]}" if start.run_id else str(start.checkpoint)
    if max_epochs is not None and 0 <= max_epochs <= completed:
        return f"{name} is finished after {completed} epochs: raise trainer.max_epochs to resume it"
    patience = (cfg.callbacks.get("early_stopping") or {}).get("patience")
    if patience is not None and _stopped_early(checkpoint["callbacks"], patience):
        return (
            f"{name} is finished, stopped early: raise callbacks.early_stopping.patience "
            "to resume it"
        )
    return None


def _stopped_early(callbacks: dict[str, Any], patience: int) -> bool:
    states = [state for state in callbacks.values() if "stopping_reason" in state]
    return any(not patience_left(state, patience) for state in states)
