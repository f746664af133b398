"""From a composed config to the objects it names: with `build` the only place that does."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint

from ai_mixer.config.allowed_targets import check_names
from ai_mixer.config.instantiate import build, trusted_in
from ai_mixer.console import Console
from ai_mixer.data.datamodule import MixData, Source
from ai_mixer.inference.builders import build_console, build_model
from ai_mixer.training.system import MixSystem


class Parts(NamedTuple):
    """What a training needs; the console is built first and tells the others its knobs."""

    console: Console
    data: MixData
    system: MixSystem


def assemble(cfg: DictConfig) -> Parts:
    """Console, data and system of a composed `train` config.

    ValueError, before anything is built, if any part of it names what is not trusted.
    """
    check_names(cfg, trusted_in(cfg))
    console = build_console(cfg)
    return Parts(console, build_data(cfg, console), build_system(cfg, console))


def build_source(cfg: DictConfig) -> Source:
    """Where the songs come from."""
    return build(cfg, "data.source")


def build_data(cfg: DictConfig, console: Console, **loader: Any) -> MixData:
    """The data module; `loader` replaces single settings of the loader (excerpts_per_song=4)."""
    if "ears" in cfg.loader:
        loader["origin"] = _origin(cfg)
    return build(
        cfg,
        "loader",
        source=build_source(cfg),
        task=build(cfg, "task", console=console),
        augment=build(cfg, "augment", knobs=console.names),
        **loader,
    )


def _origin(cfg: DictConfig) -> str:
    """Sixteen digits for all that makes an example but the song and its number."""
    keys = ("console", "ranges", "task", "loader.ears")
    plain: dict[str, Any] = {
        key: OmegaConf.to_container(OmegaConf.select(cfg, key), resolve=True) for key in keys
    }
    del plain["task"]["condition"]
    plain |= {key: cfg.loader[key] for key in ("sample_rate", "excerpt_s")}
    # Configs from before there was a seed of the draws drew by the training's.
    plain["seed"] = cfg.loader.get("draw_seed", cfg.loader.seed)
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def build_system(cfg: DictConfig, console: Console) -> MixSystem:
    """Model, console and losses joined with optimiser and schedule."""
    # Configs from before there was `system.every_condition` said it by the condition.
    options = {"every_condition": cfg.condition == "any", **cfg.system}
    return MixSystem(
        build_model(cfg, console),
        console,
        build(cfg, "loss"),
        build(cfg, "optimizer"),
        build(cfg, "scheduler"),
        **options,
    )


def build_trainer(cfg: DictConfig, callbacks: list[pl.Callback], **options: Any) -> pl.Trainer:
    """Lightning's trainer; `options` replaces single settings (logger=…)."""
    # Lightning would add a checkpoint of its own, beside the run, where none is asked for.
    keeps = any(isinstance(callback, ModelCheckpoint) for callback in callbacks)
    return build(cfg, "trainer", callbacks=callbacks, enable_checkpointing=keeps, **options)


def build_callbacks(cfg: DictConfig) -> dict[str, pl.Callback]:
    """Name → callback, as the config has them; a name set to null is left out."""
    built = build(cfg, "callbacks") or {}
    return {name: callback for name, callback in built.items() if callback is not None}


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


def asked_run(cfg: DictConfig, key: str = "run") -> str:
    """The word after `run=`, of this command line."""
    return typed(HydraConfig.get().overrides.task, key) or str(cfg[key])


def typed(words: Iterable[str], key: str) -> str | None:
    """The last `<key>=` as it was typed: Hydra reads an id such as 12e34567 as a number."""
    said = [word.partition("=")[2].strip("'\"") for word in words if word.startswith(f"{key}=")]
    return said[-1] if said else None
