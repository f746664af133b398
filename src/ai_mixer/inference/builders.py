"""Build the console and the model of a config.

Separate from `training.builders`, so that mixing does not import Lightning, which takes seconds.
"""

from omegaconf import DictConfig
from torch import nn

from ai_mixer.config.instantiate import instantiate_checked
from ai_mixer.console import Console
from ai_mixer.console.load import require_single


def build_console(cfg: DictConfig) -> Console:
    """Build the console with its knob ranges. ValueError for a console of several tracks."""
    return require_single(instantiate_checked(cfg, "console"), "the chosen console")


def build_model(cfg: DictConfig, console: Console) -> nn.Module:
    """Build the model for the console's number of knobs and the loader's sample rate."""
    rate = cfg.loader.sample_rate
    return instantiate_checked(cfg, "model", n_knobs=len(console.knobs), sample_rate=rate)
