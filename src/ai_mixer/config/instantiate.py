"""Instantiate the part of a config under a key, after its `_target_`s have been checked."""

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from ai_mixer.config.allowed_targets import resolve_checked


def allowed_targets(cfg: DictConfig) -> tuple[str, ...]:
    """Packages the config's owner vouches for; a model card's config is read by `config_from_card`."""
    return tuple(cfg.get("allow_targets") or ())


def instantiate_checked(cfg: DictConfig, key: str, **more: Any) -> Any:
    """What the part `key` names, checked first; None where it is null."""
    return instantiate(resolve_checked(cfg, key, allowed_targets(cfg)), **more)
