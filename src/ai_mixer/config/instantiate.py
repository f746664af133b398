"""Instantiate the part of a config under a key, after its `_target_`s have been checked."""

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from ai_mixer.config.allowed_targets import checked


def trusted_in(cfg: DictConfig) -> tuple[str, ...]:
    """Packages the config's owner vouches for; a model card's config is read by `from_card`."""
    return tuple(cfg.get("trusted") or ())


def build(cfg: DictConfig, key: str, **more: Any) -> Any:
    """What the part `key` names, checked first; None where it is null."""
    return instantiate(checked(cfg, key, trusted_in(cfg)), **more)
