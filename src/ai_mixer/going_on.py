"""`ckpt=…`: the words a run was started with are composed again, then the new ones."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from ai_mixer.assemble import Parts
from ai_mixer.callbacks.early_stop import patience_left
from ai_mixer.processes import rank
from ai_mixer.tracking import Start, Store
from ai_mixer.tracking.checkpoint_file import epochs_done, read_checkpoint
from ai_mixer.tracking.resume import find_starts

FOLLOW = "AI_MIXER_FOLLOW"  # what the first process of a distributed training tells the others


class Asked(NamedTuple):
    """What is to be trained: the config, the words it was composed from, and where it starts."""

    cfg: DictConfig
    words: list[str]
    start: Start


def going_on(cfg: DictConfig, words: list[str]) -> Asked:
    """What a command line asks for. FileNotFoundError or ValueError in one line if it cannot be."""
    if rank() > 0:
        return _followed(cfg, words)
    asked = _asked(cfg, words)
    told = {"words": asked.words, "checkpoint": str(asked.start.checkpoint or "")}
    os.environ[FOLLOW] = json.dumps(told)
    return asked


def check_start(cfg: DictConfig, parts: Parts, start: Start) -> None:
    """Before a run is opened: there is something to train, and the weights fit the model."""
    reason = _nothing_left(cfg, start)
    if reason:
        raise ValueError(reason)
    if start.checkpoint is None:
        return
    there = {k: w.shape for k, w in read_checkpoint(start.checkpoint)["state_dict"].items()}
    here = {key: w.shape for key, w in parts.system.state_dict().items()}
    for key in sorted(there.keys() | here.keys()):
        if there.get(key) != here.get(key):
            raise ValueError(
                f"ckpt={start.checkpoint} is of another model or console ({key}): "
                "give the words it was trained with"
            )


def _asked(cfg: DictConfig, words: list[str]) -> Asked:
    if cfg.ckpt is None:
        return Asked(cfg, words, Start())
    typed = [word.partition("=")[2].strip("'\"") for word in words if word.startswith("ckpt=")]
    which = typed[-1] if typed else str(cfg.ckpt)  # as typed: Hydra reads some ids as numbers
    refusal = None
    for start in find_starts(which, Store(cfg.paths.mlruns)):
        asked = Asked(cfg, words, start) if start.run_id is None else _again(start, words)
        reason = _nothing_left(asked.cfg, start)
        if reason is None:
            return asked
        refusal = refusal or ValueError(reason)
    raise refusal or ValueError(f"ckpt={which}: nothing to go on from")


def _again(start: Start, words: list[str]) -> Asked:
    """The run's own words, then the new ones; a word said twice counts as it was said last."""
    fresh = [word for word in words if not word.startswith("ckpt=")]
    said = {word.partition("=")[0]: word for word in (*start.words, *fresh)}
    merged = list(said.values())
    return Asked(_compose(merged), merged, start)


def _compose(words: list[str]) -> DictConfig:
    cfg = hydra.compose("train", words, return_hydra_config=True)
    HydraConfig.instance().set_config(cfg)  # `${hydra:…}` refers to it
    with open_dict(cfg):
        del cfg["hydra"]
    return cfg


def _nothing_left(cfg: DictConfig, start: Start) -> str | None:
    """Why there is nothing to train, or None. An unfinished run has its evaluation to do yet."""
    if start.checkpoint is None or (start.run_id is not None and not start.finished):
        return None
    checkpoint = read_checkpoint(start.checkpoint)
    done, most = epochs_done(checkpoint), cfg.trainer.max_epochs
    what = f"run {start.run_id[:8]} is finished" if start.run_id else f"{start.checkpoint} is done"
    if most is not None and 0 <= most <= done:
        return f"{what} after {done} epochs: raise trainer.max_epochs to go on"
    patience = (cfg.callbacks.get("early_stopping") or {}).get("patience")
    if patience is not None and _stopped(checkpoint["callbacks"], patience):
        return f"{what}, stopped early: raise callbacks.early_stopping.patience to go on"
    return None


def _stopped(callbacks: dict[str, Any], patience: int) -> bool:
    states = [state for state in callbacks.values() if "stopping_reason" in state]
    return any(not patience_left(state, patience) for state in states)


def _followed(cfg: DictConfig, words: list[str]) -> Asked:
    """As the first process says; processes that something else started read their own words."""
    if FOLLOW not in os.environ:
        if cfg.ckpt is not None:
            raise ValueError("ckpt=… needs the processes that trainer=ddp starts by itself")
        return Asked(cfg, words, Start())
    told = json.loads(os.environ[FOLLOW])
    checkpoint = Path(told["checkpoint"]) if told["checkpoint"] else None
    return Asked(_compose(told["words"]), told["words"], Start(checkpoint))
