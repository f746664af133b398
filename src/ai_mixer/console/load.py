"""Construction of a console from `configs/console/<name>.yaml` and `configs/ranges/<name>/`."""

from typing import cast

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.console.console import Console


def load_console(name: str = "classic", ranges: str = "wide") -> Console:
    """Load the console `configs/console/<name>.yaml` with one of its ranges.

    ranges: of `configs/ranges/<name>/<ranges>.yaml`. ValueError with the available names for an
    unknown name.
    """
    config = {
        "console": _load_group_config("console", name),
        "ranges": _load_group_config(f"ranges/{name}", ranges),
    }
    return cast(Console, instantiate(OmegaConf.create(config)["console"]))


def load_ranges(name: str, console: str = "classic") -> dict[str, tuple[float, float]]:
    """Load ranges of a console: knob name → (low, high). ValueError as `load_console`."""
    ranges = _load_group_config(f"ranges/{console}", name)
    return {str(knob): (float(low), float(high)) for knob, (low, high) in ranges.items()}


def _load_group_config(group: str, name: str) -> DictConfig | ListConfig:
    folder = config_folder() / group
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        kind, _, console = group.partition("/")
        what = f"{kind} of console {console}" if console else kind
        raise ValueError(f"no {what} named {name!r}: there is {', '.join(known) or 'none'}")
    return OmegaConf.load(folder / f"{name}.yaml")
