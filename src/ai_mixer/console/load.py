"""A console by name, from the same YAML pages that Hydra composes."""

from typing import cast

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.console.console import Console


def load_console(name: str = "classic", ranges: str = "wide") -> Console:
    """The console of `configs/console/<name>.yaml`, with the ranges of `configs/ranges/<ranges>`.

    ValueError, listing what exists, if there is no such page.
    """
    page = {
        "console": _load_group_config("console", name),
        "ranges": _load_group_config("ranges", ranges),
    }
    return cast(Console, instantiate(OmegaConf.create(page)["console"]))


def load_ranges(name: str) -> dict[str, tuple[float, float]]:
    """Knob name → (low, high) of `configs/ranges/<name>.yaml`. ValueError as `load_console`."""
    page = _load_group_config("ranges", name)
    return {str(knob): (float(low), float(high)) for knob, (low, high) in page.items()}


def _load_group_config(group: str, name: str) -> DictConfig | ListConfig:
    folder = config_folder() / group
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        raise ValueError(f"no {group} named {name!r}: there is {', '.join(known) or 'none'}")
    return OmegaConf.load(folder / f"{name}.yaml")
