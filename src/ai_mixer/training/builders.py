"""Build the objects of a composed config, with checked targets."""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError
from pytorch_lightning.callbacks import ModelCheckpoint

from ai_mixer.config.allowed_targets import check_targets
from ai_mixer.config.instantiate import allowed_targets, instantiate_checked
from ai_mixer.console import Console, ConsoleGraph
from ai_mixer.core.types import Condition
from ai_mixer.data.datamodule import MixDataModule, SongSource
from ai_mixer.data.track_datamodule import refuse_whole_songs
from ai_mixer.inference.builders import build_any_console, build_model
from ai_mixer.training.system import MixSystem

ONE_FILE = "ai_mixer.training.system.MixSystem"
SEVERAL_TRACKS = "ai_mixer.training.track_system.TrackSystem"
WHOLE_SONGS = "ai_mixer.augment.augment.Compose"
USUAL_TRACKS = {"max_tracks": 16, "drop_probability": 0.1}  # of configs/loader/cached_tracks.yaml


class TrainingComponents(NamedTuple):
    """Components of a training. The console is built first: the others depend on its knobs."""

    console: Any  # Console, or ConsoleGraph for several tracks
    data: MixDataModule
    system: MixSystem


def build_components(cfg: DictConfig) -> TrainingComponents:
    """Build console, data and system of a composed `train` config.

    ValueError, before anything is built, if a target is not in an allowed package.
    """
    check_targets(cfg, allowed_targets(cfg))
    console = build_any_console(cfg)
    return TrainingComponents(console, build_datamodule(cfg, console), build_system(cfg, console))


def build_source(cfg: DictConfig) -> SongSource:
    """Build the source of the songs."""
    return instantiate_checked(cfg, "data.source")


def build_datamodule(
    cfg: DictConfig, console: Console | ConsoleGraph, **loader: Any
) -> MixDataModule:
    """Build the data module; `loader` replaces options of the loader (excerpts_per_song=4)."""
    if "feature_extractor" in cfg.loader:
        loader["cache_key"] = _example_settings_digest(cfg)
        loader["augment_key"] = _augment_digest(cfg)
    # The console has other knobs than those that augmentations of whole songs invalidate.
    whole_songs = cfg.augment is not None and cfg.augment.get("_target_") == WHOLE_SONGS
    if isinstance(console, ConsoleGraph) and whole_songs:
        refuse_whole_songs([step._target_.rpartition(".")[2] for step in cfg.augment.steps])
    return instantiate_checked(
        cfg,
        "loader",
        source=build_source(cfg),
        task=instantiate_checked(cfg, "task", console=console),
        augment=instantiate_checked(cfg, "augment", knobs=console.names),
        **loader,
    )


def _example_settings_digest(cfg: DictConfig) -> str:
    """Digest (16 hex digits) of all settings that determine an example, given song and index."""
    keys = ("console", "ranges", "task", "loader.feature_extractor")
    plain: dict[str, Any] = {
        key: OmegaConf.to_container(OmegaConf.select(cfg, key), resolve=True) for key in keys
    }
    for key in ("condition", "device"):  # the same examples, and older configs have no device
        plain["task"].pop(key, None)
    plain |= {key: cfg.loader[key] for key in ("sample_rate", "excerpt_s")}
    # Older configs have no draw_seed: examples were drawn with the seed of the training.
    plain["seed"] = cfg.loader.get("draw_seed", cfg.loader.seed)
    tracks = {key: cfg.loader[key] for key in USUAL_TRACKS if key in cfg.loader}
    if tracks not in ({}, USUAL_TRACKS):  # older caches of several tracks have the usual ones
        plain |= tracks
    return _digest(plain)


def _augment_digest(cfg: DictConfig) -> str:
    """Digest of the augmentation; empty without one."""
    if cfg.get("augment") is None or not cfg.augment.get("steps"):
        return ""
    return _digest(OmegaConf.to_container(cfg.augment, resolve=True))


def _digest(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def build_system(cfg: DictConfig, console: Console | ConsoleGraph) -> MixSystem:
    """Build the system from model, console, losses, optimiser and schedule.

    `system._target_` is its class: the default of configs of one file, which have none, is
    `MixSystem`.
    """
    cfg = cfg.copy()
    # Older configs have no `system.all_conditions`; it followed from the condition.
    options = {"_target_": ONE_FILE, "all_conditions": cfg.condition == "any", **cfg.system}
    cfg.system = options
    parts = [instantiate_checked(cfg, key) for key in ("loss", "optimizer", "scheduler")]
    build: Callable[..., MixSystem] = instantiate_checked(cfg, "system", _partial_=True)
    return build(build_model(cfg, console), console, *parts)


def build_trainer(cfg: DictConfig, callbacks: list[pl.Callback], **options: Any) -> pl.Trainer:
    """Build Lightning's trainer; `options` replaces options of the config (logger=…)."""
    # By default, Lightning adds a ModelCheckpoint of its own, outside the run's folder.
    checkpointing = any(isinstance(callback, ModelCheckpoint) for callback in callbacks)
    return instantiate_checked(
        cfg, "trainer", callbacks=callbacks, enable_checkpointing=checkpointing, **options
    )


def build_callbacks(cfg: DictConfig) -> dict[str, pl.Callback]:
    """Build the callbacks of the config by name; names set to null are left out."""
    built = instantiate_checked(cfg, "callbacks") or {}
    return {name: callback for name, callback in built.items() if callback is not None}


def build_evaluation_datamodule(
    cfg: DictConfig,
    console: Console | ConsoleGraph,
    data: DictConfig | None,
    condition: Condition | Literal["any"],
    **loader: Any,
) -> MixDataModule:
    """Build the data module for evaluation: the model's own data, or another `data` config.

    Without augmentation and workers, under one condition ("any": each in turn).
    """
    cfg = cfg.copy()
    if data is not None:
        cfg.data = _resolved(data)
    cfg.task.condition = condition
    cfg.augment = None
    return build_datamodule(cfg, console, workers=0, **loader)


def _resolved(data: DictConfig) -> DictConfig:
    """Resolve against the config that `data` is a part of: a packaged model has no `paths`."""
    try:
        return OmegaConf.create(OmegaConf.to_container(data, resolve=True))  # type: ignore[return-value]
    except InterpolationResolutionError:  # part of no config: the keys are those of the model's
        return data


def run_override(cfg: DictConfig, key: str = "run") -> str:
    """Return the value of the override `run=` of this command line, as typed."""
    return raw_override_value(HydraConfig.get().overrides.task, key) or str(cfg[key])


def raw_override_value(overrides: Iterable[str], key: str) -> str | None:
    """Return the value of the last `<key>=` as typed: Hydra parses the id 12e34567 as a number."""
    values = [word.partition("=")[2] for word in overrides if word.startswith(f"{key}=")]
    return values[-1].strip("'\"") if values else None
