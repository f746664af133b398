"""From a composed config to the objects it names: the only place that instantiates."""

from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from ai_mixer.console import Console
from ai_mixer.data.module import MixData
from ai_mixer.system import MixSystem


class Parts(NamedTuple):
    """What a training needs; the console is built first and tells the others its knobs."""

    console: Console
    data: MixData
    system: MixSystem


def assemble(cfg: DictConfig) -> Parts:
    """Console, data and system of a composed `train` config."""
    console = build_console(cfg)
    return Parts(console, build_data(cfg, console), build_system(cfg, console))


def build_console(cfg: DictConfig) -> Console:
    """The console with its ranges."""
    return instantiate(cfg.console)


def build_data(cfg: DictConfig, console: Console, **loader: Any) -> MixData:
    """The data module; `loader` replaces single settings of the loader (excerpts_per_song=4)."""
    return instantiate(
        cfg.loader,
        source=instantiate(cfg.data.source),
        task=instantiate(cfg.task, console=console),
        augment=instantiate(cfg.augment) if cfg.augment else None,
        **loader,
    )


def build_model(cfg: DictConfig, console: Console) -> nn.Module:
    """The model, told how many knobs there are and at which rate it will listen."""
    return instantiate(cfg.model, n_knobs=len(console.knobs), sample_rate=cfg.loader.sample_rate)


def build_system(cfg: DictConfig, console: Console) -> MixSystem:
    """Model, console and losses joined with optimiser and schedule."""
    return MixSystem(
        build_model(cfg, console),
        console,
        instantiate(cfg.loss),
        instantiate(cfg.optimizer),
        instantiate(cfg.scheduler),
        every_condition=cfg.condition == "any",
        **cfg.system,
    )


def held_out(
    cfg: DictConfig, console: Console, data: DictConfig | None, condition: str, **loader: Any
) -> MixData:
    """The data a trained model is judged on: its own, or those of another `data` config.

    Read in this process without augmentation, under one condition ("any": each in turn).
    """
    cfg = cfg.copy()
    if data is not None:
        cfg.data = data
    cfg.task.condition = condition
    cfg.augment = None
    return build_data(cfg, console, workers=0, **loader)


def asked_run(cfg: DictConfig) -> str:
    """The word after `run=` as it was typed: Hydra reads an id such as 12e34567 as a number."""
    words = HydraConfig.get().overrides.task
    typed = [word.partition("=")[2] for word in words if word.startswith("run=")]
    return typed[-1].strip("'\"") if typed else str(cfg.run)
