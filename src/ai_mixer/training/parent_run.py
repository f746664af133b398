"""A run whose children are trainings: folds of a cross-validation, or repeats with other seeds."""

from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig

from ai_mixer.tracking import Run, Store
from ai_mixer.utils.log import logger

TrainFunction = Callable[..., Run]
"""Trains a child run and returns it: called with (config, defaults, overrides, choices, parent id),
and with `tags` of the child for repeats."""


def open_parent(
    cfg: DictConfig,
    run_id: str | None,
    tag: str,
    children: str,
    parent_id: str | None = None,
    tags: dict[str, str] | None = None,
) -> Run:
    """Start the parent run, or resume the run `run_id` with the same number of children.

    tag: the config key of that number (`cv`, `seeds`), and the tag of the run. children: in words.
    parent_id, tags: of a new run.
    """
    store, count = Store(cfg.paths.mlruns), cfg[tag]
    if run_id is None:
        name = f"{cfg.run_name}, {count} {children}"
        tags = {tag: str(count), **(tags or {})}
        run = Run.start(store, cfg.experiment_name, name, tags, parent_id=parent_id)
    else:
        if store.client.get_run(run_id).data.tags.get(tag) != str(count):
            raise ValueError(
                f"run {run_id[:8]} has no {count} {children}: remove ckpt_path or {tag}"
            )
        run = Run.resume(store, run_id)
    logger.info("%srun %s (%d %s)", "resuming " if run.resumed else "", run.id, count, children)
    return run


def check_single_process(cfg: DictConfig, tag: str) -> None:
    """Check that a child trains in one process. ValueError otherwise."""
    if cfg.trainer.devices != 1:
        raise ValueError(f"{tag}={cfg[tag]} trains in one process: give trainer.devices=1")


def continue_child(cfg: DictConfig, overrides: list[str], previous: Any) -> bool:
    """Change config and overrides to resume an interrupted child; False if it is finished.

    previous: MLflow's run of the child, None if it was not started.
    """
    if previous is None:
        return True
    if previous.info.status == "FINISHED":
        return False
    cfg.ckpt_path = previous.info.run_id
    overrides.append(f"ckpt_path={cfg.ckpt_path}")
    return True
