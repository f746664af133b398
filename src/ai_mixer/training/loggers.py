"""Loggers in addition to MLflow (config group `logger`): CSV, TensorBoard, Weights & Biases."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger, WandbLogger

from ai_mixer.config.instantiate import instantiate_checked

MISSING_EXTRA = "pip install 'ai-mixer[loggers]'"


def build_loggers(cfg: DictConfig, folder: str | Path) -> list[Logger]:
    """Build the loggers of the config; they write to `folder`, of which nothing is created yet.

    ValueError (one line) if a package is not installed.
    """
    return [_build(cfg, name, folder) for name in cfg.get("logger") or {}]


@contextmanager
def open_loggers(loggers: Sequence[Logger], cfg: DictConfig) -> Iterator[None]:
    """Log the config, and end the runs of Weights & Biases afterwards.

    Otherwise, the next training of this process (a trial, a fold) would log into the same run.
    """
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    for logger in loggers:
        logger.log_hyperparams(config)
    try:
        yield
    finally:
        for logger in loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.finish()


def _build(cfg: DictConfig, name: str, folder: str | Path) -> Logger:
    try:
        return instantiate_checked(cfg, f"logger.{name}", save_dir=str(folder))
    except InstantiationException as error:
        if isinstance(error.__cause__, ModuleNotFoundError):
            raise ValueError(f"logger={name}: {name} is not installed: {MISSING_EXTRA}") from error
        raise
