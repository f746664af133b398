"""Construction of a console from the config files `configs/console` and `configs/ranges`."""

from typing import cast

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.console.console import Console


def load_console(name: str = "classic", ranges: str = "wide") -> Console:
    """Load the console `configs/console/<name>.yaml` with ranges of `configs/ranges/<ranges>.yaml`.

    ValueError with the available names for an unknown name.
    """
    config = {
        "console": _load_group_config("console", name),
        "ranges": _load_group_config("ranges", ranges),
    }
    return cast(Console, instantiate(OmegaConf.create(config)["console"]))


def load_ranges(name: str) -> dict[str, tuple[float, float]]:
    """Load `configs/ranges/<name>.yaml`: knob name → (low, high). ValueError as `load_console`."""
    ranges = _load_group_config("ranges", name)
    return {str(knob): (float(low), float(high)) for knob, (low, high) in ranges.items()}


def _load_group_config(group: str, name: str) -> DictConfig | ListConfig:
    folder = config_folder() / group
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        raise ValueError(f"no {group} named {name!r}: there is {', '.join(known) or 'none'}")
    return OmegaConf.load(folder / f"{name}.yaml")
