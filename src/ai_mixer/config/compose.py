"""Composition of a stage's config from overrides, inside a running Hydra application or outside."""

from collections.abc import Iterable, Mapping

import hydra
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, open_dict

from ai_mixer.config.folder import config_folder
from ai_mixer.config.renamed import translate_composed
from ai_mixer.config.search_path import register_search_path


def compose(stage: str, overrides: Iterable[str] = ()) -> DictConfig:
    """Return the config of `configs/stage/<stage>.yaml` with overrides, without the key `hydra`."""
    return compose_with_choices(stage, overrides)[0]


def compose_with_choices(
    stage: str, overrides: Iterable[str] = ()
) -> tuple[DictConfig, dict[str, str]]:
    """Like `compose`, with the option selected in each config group: group → option."""
    overrides = list(overrides)
    if GlobalHydra.instance().is_initialized():
        cfg = _compose(stage, overrides)
    else:
        register_search_path()
        with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
            cfg = _compose(stage, overrides)
    choices = selected_options(cfg.hydra.runtime.choices)
    with open_dict(cfg):
        del cfg["hydra"]
    return translate_composed(cfg, stage, overrides), choices


def selected_options(choices: Mapping[str, str | None]) -> dict[str, str]:
    """Config group → option, without Hydra's own and those that an option selects in turn."""
    own = {key: option for key, option in choices.items() if not key.startswith("hydra/")}
    return {key: str(option) for key, option in own.items() if "/../" not in key}


def _compose(stage: str, overrides: Iterable[str]) -> DictConfig:
    return hydra.compose(f"stage/{stage}", list(overrides), return_hydra_config=True)
