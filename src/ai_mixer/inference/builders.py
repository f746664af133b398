"""Console and model of a config.

Apart from `training.builders`, so that mixing does not import Lightning, which takes seconds.
"""

from omegaconf import DictConfig
from torch import nn

from ai_mixer.config.instantiate import instantiate_checked
from ai_mixer.console import Console


def build_console(cfg: DictConfig) -> Console:
    """The console with its ranges."""
    return instantiate_checked(cfg, "console")


def build_model(cfg: DictConfig, console: Console) -> nn.Module:
    """The model, told how many knobs there are and at which rate it will listen."""
    rate = cfg.loader.sample_rate
    return instantiate_checked(cfg, "model", n_knobs=len(console.knobs), sample_rate=rate)
