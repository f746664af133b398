"""Build the console and the model of a config.

Separate from `training.builders`, so that mixing does not import Lightning, which takes seconds.
"""

import copy
import inspect
from functools import singledispatch

from hydra.utils import get_class
from omegaconf import DictConfig
from torch import nn

from ai_mixer.config.allowed_targets import resolve_checked
from ai_mixer.config.instantiate import allowed_targets, instantiate_checked
from ai_mixer.console import Console, ConsoleGraph
from ai_mixer.console.load import require_single


def build_console(cfg: DictConfig) -> Console:
    """Build the console with its knob ranges. ValueError for a console of several tracks."""
    return require_single(build_any_console(cfg), "the chosen console")


def build_any_console(cfg: DictConfig) -> Console | ConsoleGraph:
    """Build the console with its knob ranges, of one file or of several tracks."""
    console: Console | ConsoleGraph = instantiate_checked(cfg, "console")
    return console


def build_model(cfg: DictConfig, console: Console | ConsoleGraph) -> nn.Module:
    """Build the model for the console's number of knobs and the loader's sample rate.

    A model with the parameter `console` is also given a copy of it.

    ValueError in one line for a model of one file with a console of several tracks, or reversed.
    """
    sizes = model_sizes(console)
    resolve_checked(cfg, "model", allowed_targets(cfg))
    taken = inspect.signature(get_class(cfg.model._target_)).parameters
    if not sizes.keys() <= taken.keys():
        name = cfg.model._target_.rpartition(".")[2]
        other = "one stereo file" if "n_knobs" in taken else "several tracks"
        fitting = "a model of one file" if "n_knobs" in sizes else "model=multitrack_transformer"
        raise ValueError(f"{name} is a model of {other}, the console is not: use {fitting}")
    own = {"console": copy.deepcopy(console)} if "console" in taken else {}
    model: nn.Module = instantiate_checked(
        cfg, "model", **sizes, **own, sample_rate=cfg.loader.sample_rate
    )
    return model


@singledispatch
def model_sizes(console: Console | ConsoleGraph) -> dict[str, int]:
    """Arguments of a model that are given by the console."""
    raise TypeError(f"no console: {type(console).__name__}")


@model_sizes.register
def _(console: Console) -> dict[str, int]:
    return {"n_knobs": len(console.knobs)}


@model_sizes.register
def _(console: ConsoleGraph) -> dict[str, int]:
    layout = console.layout
    song_knobs = layout.bus_knobs + len(layout.master)
    return {"strip_knobs": len(layout.strip), "song_knobs": song_knobs}
