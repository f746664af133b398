"""Instantiation of a part of a config after a check of its targets."""

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from ai_mixer.config.allowed_targets import resolve_checked


def allowed_targets(cfg: DictConfig) -> tuple[str, ...]:
    """Return the key `allow_targets` of a config that the user wrote.

    For the config of a model card see `config_from_card`.
    """
    return tuple(cfg.get("allow_targets") or ())


def instantiate_checked(cfg: DictConfig, key: str, **arguments: Any) -> Any:
    """Instantiate the part `key` with further arguments; None if it is null.

    ValueError for targets outside the allow-list, see `allowed_targets`.
    """
    return instantiate(resolve_checked(cfg, key, allowed_targets(cfg)), **arguments)
