"""Checks of a config before a run is created, for errors that would otherwise appear late."""

from collections.abc import Mapping
from numbers import Real

from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.models.feature_model import as_feature_model
from ai_mixer.models.track_model import TrackModel
from ai_mixer.training.builders import TrainingComponents, build_trainer
from ai_mixer.training.compilation import check_compiler
from ai_mixer.training.loggers import build_loggers

POSITIVE_KEYS = ("evaluate.excerpts_per_song", "render.songs", "render.seconds")


def check_later_steps(cfg: DictConfig) -> None:
    """Check trainer, loggers and options of the later steps. ValueError if one is wrong."""
    build_trainer(cfg, [], logger=False)  # raises if the device is not available
    build_loggers(cfg, cfg.paths.outputs)
    if cfg.get("compile"):
        check_compiler(cfg.trainer.accelerator)
    for key in POSITIVE_KEYS:
        if cfg[key.partition(".")[0]] is None:
            continue
        value = OmegaConf.select(cfg, key)
        if not isinstance(value, Real) or not float(value) > 0:
            raise ValueError(f"{key} must be a number above 0, got {value}")


def check_batches(parts: TrainingComponents) -> None:
    """Check that the batches have what model, loss and augmentation need. ValueError if not.

    Batches of cached features have no audio; batches of audio suit every model and loss.
    """
    cached, model = parts.data.feature_config, parts.system.model
    of_tracks = isinstance(model, TrackModel)
    if of_tracks != issubclass(parts.data.batch_class, TrackBatch):
        name = type(model).__name__
        raise ValueError(
            f"{name} mixes several tracks, and the loader reads one file per song: use "
            "loader=cached_tracks (features, cached) or loader=tracks"
            if of_tracks
            else f"{name} mixes one file, and the loader reads tracks: use loader=default, or "
            "task=remix"
        )
    if cached is None:
        return
    augment = parts.data.augment
    on_stems = getattr(augment, "changes_stems", False)  # before the features, so it is cached too
    if augment is not None and not on_stems and getattr(augment, "steps", True):
        raise ValueError("loader=cached keeps examples without augmentation: leave augment=none")
    if parts.system.objective.needs_mix:
        raise ValueError("loader=cached keeps no audio to mix: give loss=knobs_only")
    needed = model.feature_config if of_tracks else as_feature_model(model).feature_config
    if needed != cached:
        raise ValueError(
            f"loader.feature_extractor has {cached}, the model {needed} "
            "(rate, mels, window, hop, version): give both the same values, or loader=default"
        )


def check_monitors(cfg: DictConfig, parts: TrainingComponents) -> None:
    """Check that no callback monitors the knob skill if no validation song has known knobs."""
    if any(song.rough_path is None for song in parts.data.songs("val")):
        return
    for name, callback in cfg.callbacks.items():
        if str((callback or {}).get("monitor", "")).startswith("val/skill"):
            raise ValueError(
                f"callbacks.{name} monitors the knob skill, which is unknown for before-and-after "
                "pairs: use experiment=pairs, which monitors the loss"
            )


def mismatched_weight(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> str | None:
    """Return the first key that is not in both state dicts or differs in shape; None if equal."""
    for name in sorted(first.keys() | second.keys()):
        if name not in first or name not in second or first[name].shape != second[name].shape:
            return name
    return None
