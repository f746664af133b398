"""Parse a sweep's command line into the config of a study: trainings and search space."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Transformer
from omegaconf import DictConfig, ListConfig, OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.config.overrides import is_sweep_override, merge_overrides, override_key
from ai_mixer.config.stage_command import stage_command
from ai_mixer.tuning.objective import ComposedConfig, compose, key_exists
from ai_mixer.tuning.search_space import (
    ParamValue,
    SearchSpace,
    contains,
    format_distribution,
    lowest_value,
    to_overrides,
)
from ai_mixer.tuning.study import StudyConfig

PATH_GROUPS = ("paths",)  # not part of a study
STUDY_NAME_PATTERN = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class SweepRequest:
    """A parsed command line.

    study_config: with an empty `parent`. default_point: the default values as a point of the space.
    notes: messages for the user. path_overrides: overrides of paths.
    """

    study_config: StudyConfig
    default_point: dict[str, ParamValue]
    notes: list[str]
    path_overrides: list[str]


def parse_sweep_request(cfg: DictConfig, overrides: Sequence[str]) -> SweepRequest:
    """Parse a sweep's config and overrides. ValueError (one line) if they are invalid."""
    if cfg.seeds is not None:
        raise ValueError(f"seeds={cfg.seeds}: a trial is one training: remove it, or set cv=5")
    training_overrides, path_overrides = _training_overrides(overrides)
    base = compose([*training_overrides, *path_overrides])
    requested = SearchSpace.parse([*cfg.search.space, *cfg.search_overrides])
    check_searchable(requested.distributions)
    typed_keys = set(SearchSpace.parse(cfg.search_overrides).distributions)
    space, notes = _existing_keys(requested, typed_keys, base, training_overrides)
    if not space.distributions:
        raise ValueError(
            "nothing to search in: set another search=…, or several values of a key: "
            "model.dropout=0.1,0.2"
        )
    known = [key for key in space.distributions if key in typed_keys or key_exists(key, base.cfg)]
    defaults = {key: _default_value(key, base, training_overrides, space) for key in known}
    wide = space.widened_to({key: value for key, value in defaults.items() if value is not None})
    default_point: dict[str, ParamValue] = {}
    for key, value in defaults.items():
        before, now = space.distributions[key], wide.distributions[key]
        fits = value is not None and contains(now, value)
        default_point[key] = value if fits and value is not None else lowest_value(now)
        if not fits:
            notes.append(f"trial 0 has {key}={default_point[key]}: the default is not in the space")
        elif now != before:
            notes.append(
                f"{key}={value}, the default, is outside {format_distribution(before)}: "
                f"searching {format_distribution(now)}"
            )
    # Raises for a key that no config has.
    compose([*training_overrides, *path_overrides, *to_overrides(default_point)])
    study_config = StudyConfig(
        training_overrides,
        list(overrides),
        wide.to_json(),
        maximize=list(map(str, cfg.maximize)),
        minimize=list(map(str, cfg.minimize)),
        cv=None if cfg.cv is None else int(cfg.cv),
        parent="",
    )
    if not study_config.objectives:
        raise ValueError("no objective: set maximize=[best_val_skill]")
    return SweepRequest(study_config, default_point, notes, path_overrides)


def check_searchable(keys: Iterable[str]) -> None:
    """Check that trials with different values can be ranked. ValueError (one line) if not."""
    for key in keys:
        if key.rpartition(".")[2].endswith("seed"):
            raise ValueError(
                f"{key}: seeds are repeats, not settings: the best one would be luck. Repeat a "
                f"training with `{stage_command('train', ['seeds=3'])}`"
            )
        if _top_level_key(f"{key}=0").lstrip("+") == "data":
            raise ValueError(
                f"{key}: trials on different songs cannot be ranked: run one sweep for each value"
            )


def check_name(name: str) -> str:
    """Return a study's name. ValueError if it cannot be a file name."""
    if not STUDY_NAME_PATTERN.fullmatch(name):
        raise ValueError(f"study={name}: use letters, digits, -, _ and . only")
    return name


def _training_overrides(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """Merged overrides of the trainings, and those of paths."""
    excluded = _sweep_keys() | {"cv", "seeds", "hydra", "quiet"}
    merged = merge_overrides(
        text
        for text in overrides
        if _top_level_key(text) not in excluded and not is_sweep_override(text)
    )
    paths = [text for text in merged if _top_level_key(text) in PATH_GROUPS]
    return [text for text in merged if text not in paths], paths


def _top_level_key(override: str) -> str:
    """`trainer` of `+trainer.max_epochs=3`."""
    return re.split(r"[./]", override_key(override), maxsplit=1)[0]


def _sweep_keys() -> set[str]:
    """Keys and groups of configs/stage/sweep.yaml."""
    config = OmegaConf.load(config_folder() / "stage" / "sweep.yaml")
    groups = [str(key) for line in config.defaults if not isinstance(line, str) for key in line]
    return {*map(str, config), *(group.lstrip("/") for group in groups)} - {"defaults"}


def _existing_keys(
    requested: SearchSpace,
    typed_keys: set[str],
    base: ComposedConfig,
    training_overrides: list[str],
) -> tuple[SearchSpace, list[str]]:
    """Remove keys that the models do not have, with a note; keys of the command line stay."""
    models = requested.distributions.get("model")
    names = [f"model={name}" for name in getattr(models, "choices", ())]
    bases = [base, *(compose([*training_overrides, name]) for name in names)]
    space = requested.select(
        lambda key: key in typed_keys or any(key_exists(key, other.cfg) for other in bases)
    )
    missing = [key for key in requested.distributions if key not in space.distributions]
    choice = (
        f"model={base.choices['model']} loss={base.choices['loss']}"
        if models is None
        else "any of the models"
    )
    note = f"not searched, as {choice} has no such key: {', '.join(missing)}"
    return space, [note] if missing else []


def _default_value(
    key: str, base: ComposedConfig, training_overrides: list[str], space: SearchSpace
) -> ParamValue | None:
    """Value of a key without a search; None if no sampler can propose it."""
    group = key.lstrip("+")
    if group in base.choices:
        return base.choices[group]
    value = OmegaConf.select(base.cfg, group)
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | ListConfig):
        plain: Any = OmegaConf.to_container(value) if isinstance(value, ListConfig) else value
        return str(Transformer.str(plain))
    for choice in getattr(space.distributions[key], "choices", ()):  # a group of several options
        if compose([*training_overrides, f"{key}={choice}"]).cfg == base.cfg:
            return choice
    return None
