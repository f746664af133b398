"""From a config to the console and the model that it names: all that mixing needs of `assemble`.

Apart from it so that a musician's program does not load what trains (Lightning takes seconds).
"""

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from ai_mixer.config.allowed_targets import checked
from ai_mixer.console import Console


def build_console(cfg: DictConfig) -> Console:
    """The console with its ranges."""
    return build(cfg, "console")


def build_model(cfg: DictConfig, console: Console) -> nn.Module:
    """The model, told how many knobs there are and at which rate it will listen."""
    rate = cfg.loader.sample_rate
    return build(cfg, "model", n_knobs=len(console.knobs), sample_rate=rate)


def trusted_in(cfg: DictConfig) -> tuple[str, ...]:
    """Packages the config's owner vouches for; a model card's config is read by `from_card`."""
    return tuple(cfg.get("trusted") or ())


def build(cfg: DictConfig, key: str, **more: Any) -> Any:
    """What the part `key` names, checked first; None where it is null."""
    return instantiate(checked(cfg, key, trusted_in(cfg)), **more)
