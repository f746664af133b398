"""Settings of this machine, `configs/local/default.yaml`, for the stages that do not train.

The pages `train` and `sweep` compose the whole file. Other stages have keys of the same names with
other meanings (`excerpt`, `data`, `seed`), and take only what concerns every command.
"""

from collections.abc import Iterable

from omegaconf import DictConfig, OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.config.overrides import override_key

SHARED_KEYS = ("paths.data", "paths.outputs", "paths.mlruns", "quiet", "allow_targets")


def apply_local_settings(cfg: DictConfig, overrides: Iterable[str] = ()) -> None:
    """Set the shared keys of `cfg` in place; a key that an override sets keeps its value."""
    file = config_folder() / "local" / "default.yaml"
    given = {override_key(override) for override in overrides}
    if "local" in given or not file.is_file():  # ~local: without it
        return
    local = OmegaConf.load(file)
    for key in SHARED_KEYS:
        value = OmegaConf.select(local, key)
        is_known = OmegaConf.select(cfg, key) is not None
        if value is not None and is_known and key not in given:
            OmegaConf.update(cfg, key, value)
