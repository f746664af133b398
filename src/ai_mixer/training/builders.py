"""From a composed config to the objects it names: with `build` the only place that does."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint

from ai_mixer.config.allowed_targets import check_targets
from ai_mixer.config.instantiate import allowed_targets, instantiate_checked
from ai_mixer.console import Console
from ai_mixer.data.datamodule import MixDataModule, SongSource
from ai_mixer.inference.builders import build_console, build_model
from ai_mixer.training.system import MixSystem


class TrainingComponents(NamedTuple):
    """What a training needs; the console is built first and tells the others its knobs."""

    console: Console
    data: MixDataModule
    system: MixSystem


def build_components(cfg: DictConfig) -> TrainingComponents:
    """Console, data and system of a composed `train` config.

    ValueError, before anything is built, if any part of it names what is not trusted.
    """
    check_targets(cfg, allowed_targets(cfg))
    console = build_console(cfg)
    return TrainingComponents(console, build_datamodule(cfg, console), build_system(cfg, console))


def build_source(cfg: DictConfig) -> SongSource:
    """Where the songs come from."""
    return instantiate_checked(cfg, "data.source")


def build_datamodule(cfg: DictConfig, console: Console, **loader: Any) -> MixDataModule:
    """The data module; `loader` replaces single settings of the loader (excerpts_per_song=4)."""
    if "feature_extractor" in cfg.loader:
        loader["cache_key"] = _example_settings_digest(cfg)
    return instantiate_checked(
        cfg,
        "loader",
        source=build_source(cfg),
        task=instantiate_checked(cfg, "task", console=console),
        augment=instantiate_checked(cfg, "augment", knobs=console.names),
        **loader,
    )


def _example_settings_digest(cfg: DictConfig) -> str:
    """Sixteen digits for all that makes an example but the song and its number."""
    keys = ("console", "ranges", "task", "loader.feature_extractor")
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
    # Configs from before there was `system.all_conditions` said it by the condition.
    options = {"all_conditions": cfg.condition == "any", **cfg.system}
    return MixSystem(
        build_model(cfg, console),
        console,
        instantiate_checked(cfg, "loss"),
        instantiate_checked(cfg, "optimizer"),
        instantiate_checked(cfg, "scheduler"),
        **options,
    )


def build_trainer(cfg: DictConfig, callbacks: list[pl.Callback], **options: Any) -> pl.Trainer:
    """Lightning's trainer; `options` replaces single settings (logger=…)."""
    # Lightning would add a checkpoint of its own, beside the run, where none is asked for.
    keeps = any(isinstance(callback, ModelCheckpoint) for callback in callbacks)
    return instantiate_checked(
        cfg, "trainer", callbacks=callbacks, enable_checkpointing=keeps, **options
    )


def build_callbacks(cfg: DictConfig) -> dict[str, pl.Callback]:
    """Name → callback, as the config has them; a name set to null is left out."""
    built = instantiate_checked(cfg, "callbacks") or {}
    return {name: callback for name, callback in built.items() if callback is not None}


def build_evaluation_datamodule(
    cfg: DictConfig, console: Console, data: DictConfig | None, condition: str, **loader: Any
) -> MixDataModule:
    """The data a trained model is judged on: its own, or those of another `data` config.

    Read in this process without augmentation, under one condition ("any": each in turn).
    """
    cfg = cfg.copy()
    if data is not None:
        cfg.data = data
    cfg.task.condition = condition
    cfg.augment = None
    return build_datamodule(cfg, console, workers=0, **loader)


def run_override(cfg: DictConfig, key: str = "run") -> str:
    """The word after `run=`, of this command line."""
    return raw_override_value(HydraConfig.get().overrides.task, key) or str(cfg[key])


def raw_override_value(words: Iterable[str], key: str) -> str | None:
    """The last `<key>=` as it was typed: Hydra reads an id such as 12e34567 as a number."""
    said = [word.partition("=")[2].strip("'\"") for word in words if word.startswith(f"{key}=")]
    return said[-1] if said else None
