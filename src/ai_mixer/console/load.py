"""Construction of a console from `configs/console/<name>.yaml` and `configs/ranges/<name>/`."""

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast, overload

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.console.console import Console
from ai_mixer.console.graph import ConsoleGraph


@overload
def load_console(  # type: ignore[overload-overlap]
    name: Literal["studio"], ranges: str = "wide"
) -> ConsoleGraph: ...
@overload
def load_console(name: str = "classic", ranges: str = "wide") -> Console: ...
def load_console(name: str = "classic", ranges: str = "wide") -> Console | ConsoleGraph:
    """Load the console `configs/console/<name>.yaml` with one of its ranges.

    A `ConsoleGraph` for a console of several tracks (`studio`), else a `Console`. ranges: of
    `configs/ranges/<name>/<ranges>.yaml`. ValueError with the available names for an unknown name.
    """
    config = {
        "console": _load_group_config("console", name),
        "ranges": _load_group_config(f"ranges/{name}", ranges),
    }
    return cast(Console | ConsoleGraph, instantiate(OmegaConf.create(config)["console"]))


def require_single(console: Console | ConsoleGraph, name: str = "this console") -> Console:
    """The console itself. ValueError in one line if it is one for several tracks."""
    if isinstance(console, ConsoleGraph):
        raise ValueError(
            f"{name} mixes several tracks, one stereo file is processed here: "
            "use console=classic or console=mastering"
        )
    return console


def load_ranges(name: str, console: str = "classic") -> dict[str, tuple[float, float]]:
    """Load ranges of a console: knob name → (low, high). ValueError as `load_console`."""
    ranges = _load_group_config(f"ranges/{console}", name)
    return {str(knob): (float(low), float(high)) for knob, (low, high) in ranges.items()}


def _load_group_config(group: str, name: str) -> DictConfig:
    folder = config_folder() / group
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        kind, _, console = group.partition("/")
        what = f"{kind} of console {console}" if console else kind
        raise ValueError(f"no {what} named {name!r}: there is {', '.join(known) or 'none'}")
    return _with_defaults(_load_yaml(folder / f"{name}.yaml"), group.partition("/")[0])


def _load_yaml(path: Path) -> DictConfig | ListConfig:
    """A copy of a config, which is parsed again only if the file has changed."""
    return copy.deepcopy(_parse(path, path.stat().st_mtime_ns))


@lru_cache
def _parse(path: Path, modified_ns: int) -> DictConfig | ListConfig:
    """Parsing takes half of the time in which a console is built."""
    return OmegaConf.load(path)


def _with_defaults(config: DictConfig | ListConfig, group: str) -> DictConfig:
    """Add the configs of a defaults list of entries `<config>@<key>`, as Hydra would."""
    config = cast(DictConfig, config)
    merged: Any = OmegaConf.create()
    for entry in config.pop("defaults", []):
        path, _, key = str(entry).partition("@")
        if key:
            part = _load_yaml(config_folder() / group / f"{path}.yaml")
            merged = OmegaConf.merge(merged, {key: part})
    return cast(DictConfig, OmegaConf.merge(merged, config))
