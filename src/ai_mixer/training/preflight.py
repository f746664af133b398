"""What would go wrong only after hours, or after a run was opened, is said before."""

from collections.abc import Mapping
from numbers import Real

from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from ai_mixer.data.cached_datamodule import CachedDataModule
from ai_mixer.models.feature_model import FeatureModel
from ai_mixer.training.builders import TrainingComponents, build_trainer

POSITIVE_KEYS = (
    "evaluate.excerpts_per_song",
    "render.songs",
    "render.seconds",
)


def check_later_steps(cfg: DictConfig) -> None:
    """What can only fail after the run was opened, or at its end, fails now."""
    build_trainer(cfg, [], logger=False)  # the device it asks for may not be there
    for key in POSITIVE_KEYS:
        if cfg[key.partition(".")[0]] is None:
            continue
        value = OmegaConf.select(cfg, key)
        if not isinstance(value, Real) or not float(value) > 0:
            raise ValueError(f"{key} must be a number above 0, got {value}")


def check_cached_data(cfg: DictConfig, parts: TrainingComponents) -> None:
    """What was kept of an example must be what the model hears, and enough for the loss."""
    if not isinstance(parts.data, CachedDataModule):
        return
    if (cfg.augment or {}).get("steps"):
        raise ValueError("loader=cached keeps examples as they are drawn: leave augment=none")
    if parts.system.objective.needs_mix:
        raise ValueError("loader=cached keeps no audio to mix: choose loss=knobs_only")
    model = parts.system.model
    if (
        isinstance(model, FeatureModel)
        and model.feature_config != parts.data.feature_extractor.feature_config
    ):
        raise ValueError(
            "loader.feature_extractor computes "
            f"{parts.data.feature_extractor.feature_config}, the model "
            f"{model.feature_config} "
            "(rate, mels, window, hop): give both the same, or leave loader=cached"
        )


def check_monitors(cfg: DictConfig, parts: TrainingComponents) -> None:
    """Where nobody knows the knobs of any validation song, there is no knob skill to go by."""
    if any(song.rough_path is None for song in parts.data.songs("val")):
        return
    for name, callback in cfg.callbacks.items():
        if str((callback or {}).get("monitor", "")).startswith("val/skill"):
            raise ValueError(
                f"callbacks.{name} goes by the knob skill, and the knobs of before-and-after pairs "
                "are unknown: experiment=pairs goes by the loss"
            )


def mismatched_weight(there: Mapping[str, Tensor], here: Mapping[str, Tensor]) -> str | None:
    """The first weight that is not in both, or has another shape; None if they fit."""
    for name in sorted(there.keys() | here.keys()):
        if name not in there or name not in here or there[name].shape != here[name].shape:
            return name
    return None
