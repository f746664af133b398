"""`ckpt_path=…`: the words a run was started with are composed again, then the new ones."""

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

CHECKPOINT_ENV = (
    "AI_MIXER_CHECKPOINT"  # what the first process of a distributed training tells the others
)


def with_run_overrides(overrides: list[str]) -> list[str]:
    """The overrides to compose: where `ckpt_path=` names a run, after the overrides of that run.

    `last` becomes the id of the run it stands for. FileNotFoundError or ValueError in one line if
    there is nothing to go on from, or nothing left to train.
    """
    which = raw_override_value(overrides, "ckpt_path")
    if which in (None, "null") or rank() > 0:  # the other processes get the words of the first one
        return overrides
    refusal = None
    for start in find_resume_points(which, _store(overrides)):
        if start.run_id is None:
            return overrides
        asked = f"ckpt_path={start.run_id}" if which == "last" else f"ckpt_path={which}"
        # Where the runs are is for the new ones to say: the folder may have moved.
        own = without_keys(start.overrides, "ckpt_path", "paths.mlruns")
        merged = [*merge_overrides(own, without_keys(overrides, "ckpt_path")), asked]
        reason = _nothing_left_reason(_compose(merged), start)
        if reason is None:
            return merged
        refusal = refusal or ValueError(reason)
    raise refusal or ValueError(f"ckpt_path={which}: nothing to go on from")


def find_resume_point(cfg: DictConfig, overrides: Iterable[str]) -> ResumePoint:
    """Where the training starts that these words ask for."""
    if cfg.ckpt_path is None:
        start = ResumePoint()
    elif rank() == 0:
        which = raw_override_value(overrides, "ckpt_path") or str(cfg.ckpt_path)
        start = next(find_resume_points(which, Store(cfg.paths.mlruns)))
    elif CHECKPOINT_ENV in os.environ:
        told = os.environ[CHECKPOINT_ENV]
        return ResumePoint(Path(told) if told else None)
    else:
        raise ValueError("ckpt_path=… needs the processes that trainer=ddp starts by itself")
    os.environ[CHECKPOINT_ENV] = str(start.checkpoint or "")
    return start


def check_resume_point(cfg: DictConfig, parts: TrainingComponents, start: ResumePoint) -> None:
    """Before a run is opened: there is something to train, and the weights fit the model."""
    reason = _nothing_left_reason(cfg, start)
    if reason:
        raise ValueError(reason)
    if start.checkpoint is None:
        return
    there = read_checkpoint(start.checkpoint)["state_dict"]
    key = mismatched_weight(there, parts.system.state_dict())
    if key is not None:
        raise ValueError(
            f"ckpt_path={start.checkpoint} is of another model or console ({key}): "
            "give the words it was trained with"
        )


def _store(overrides: Iterable[str]) -> Store:
    """Where the runs are: the rest of the words may be of use to the run only."""
    return Store(_compose([word for word in overrides if word.startswith("paths")]).paths.mlruns)


def _compose(overrides: list[str]) -> DictConfig:
    return compose("train", overrides)


def _nothing_left_reason(cfg: DictConfig, start: ResumePoint) -> str | None:
    """Why there is nothing to train, or None. An unfinished run has its evaluation to do yet."""
    if start.checkpoint is None or (start.run_id is not None and not start.finished):
        return None
    checkpoint = read_checkpoint(start.checkpoint)
    done, most = completed_epochs(checkpoint), cfg.trainer.max_epochs
    what = f"run {start.run_id[:8]} is finished" if start.run_id else f"{start.checkpoint} is done"
    if most is not None and 0 <= most <= done:
        return f"{what} after {done} epochs: raise trainer.max_epochs to go on"
    patience = (cfg.callbacks.get("early_stopping") or {}).get("patience")
    if patience is not None and _stopped_early(checkpoint["callbacks"], patience):
        return f"{what}, stopped early: raise callbacks.early_stopping.patience to go on"
    return None


def _stopped_early(callbacks: dict[str, Any], patience: int) -> bool:
    states = [state for state in callbacks.values() if "stopping_reason" in state]
    return any(not patience_left(state, patience) for state in states)
