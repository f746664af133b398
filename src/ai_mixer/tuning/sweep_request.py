"""From the words of a command line to the plan of a study: what is trained, what is searched."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString, Transformer
from omegaconf import DictConfig, ListConfig, OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.config.overrides import merge_overrides, override_key
from ai_mixer.tuning.objective import ComposedConfig, compose, key_exists
from ai_mixer.tuning.search_space import (
    ParamValue,
    SearchSpace,
    contains,
    format_distribution,
    is_sweep_override,
    lowest_value,
    to_overrides,
)
from ai_mixer.tuning.study import StudyConfig

PATH_GROUPS = ("paths",)  # where files lie is no part of a study
STUDY_NAME_PATTERN = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class SweepRequest:
    """plan: without its parent; first: the default as a point of the space; notes: what to tell."""

    study_config: StudyConfig
    first: dict[str, ParamValue]
    notes: list[str]
    path_overrides: list[str]


def with_vary_override(overrides: Iterable[str]) -> list[str]:
    """Overrides that Hydra can compose: those with several values go to `search_overrides=[…]`."""
    overrides = list(overrides)
    searched = [word for word in overrides if is_sweep_override(word)]
    if not searched:
        return overrides
    listed = ",".join(QuotedString(word, Quote.double).with_quotes() for word in searched)
    return [*(word for word in overrides if word not in searched), f"search_overrides=[{listed}]"]


def parse_sweep_request(cfg: DictConfig, overrides: Sequence[str]) -> SweepRequest:
    """What a sweep's config and its words ask for. ValueError in one line if that cannot be."""
    ours = _sweep_keys()
    trains = merge_overrides(
        w for w in overrides if _top_level_key(w) not in ours and not is_sweep_override(w)
    )
    trains = [word for word in trains if _top_level_key(word) not in {"cv", "hydra"}]
    path_overrides = [word for word in trains if _top_level_key(word) in PATH_GROUPS]
    trains = [word for word in trains if word not in path_overrides]
    base = compose([*trains, *path_overrides])
    asked = SearchSpace.parse([*cfg.search.space, *cfg.search_overrides])
    typed_keys = SearchSpace.parse(cfg.search_overrides).keys
    space, notes = _existing_keys(asked, set(typed_keys), base, trains)
    if not space.keys:
        raise ValueError(
            "nothing to search in: take another search=…, or give a word several values: "
            "model.dropout=0.1,0.2"
        )
    known = [key for key in space.keys if key in typed_keys or key_exists(key, base.cfg)]
    point = {key: _default_value(key, base, trains, space) for key in known}
    wide = space.widened_to({key: value for key, value in point.items() if value is not None})
    first: dict[str, ParamValue] = {}
    for key, value in point.items():
        fits = value is not None and contains(wide.keys[key], value)
        first[key] = value if fits and value is not None else lowest_value(wide.keys[key])
        if not fits:
            notes.append(f"trial 0 takes {key}={first[key]}: the default is no point of the space")
        elif wide.keys[key] != space.keys[key]:
            notes.append(
                f"{key}={value}, the default, is outside "
                f"{format_distribution(space.keys[key])}: searched is "
                f"{format_distribution(wide.keys[key])}"
            )
    compose([*trains, *path_overrides, *to_overrides(first)])  # a key that is nowhere is found now
    cv = None if cfg.cv is None else int(cfg.cv)
    up, down = (list(map(str, cfg[name])) for name in ("maximize", "minimize"))
    study_config = StudyConfig(trains, list(overrides), wide.to_json(), up, down, cv, "")
    if not study_config.objectives:
        raise ValueError("no objective: maximize=[best/val/skill]")
    return SweepRequest(study_config, first, notes, path_overrides)


def check_name(name: str) -> str:
    """A study's name is one of a file, too."""
    if not STUDY_NAME_PATTERN.fullmatch(name):
        raise ValueError(f"study={name}: give a name of letters, digits, -, _ and .")
    return name


def _top_level_key(word: str) -> str:
    """`trainer` of `+trainer.max_epochs=3`."""
    return re.split(r"[./]", override_key(word), maxsplit=1)[0]


def _sweep_keys() -> set[str]:
    """Keys and groups of the sweep's own page."""
    page = OmegaConf.load(config_folder() / "stage" / "sweep.yaml")
    groups = [str(key) for line in page.defaults if not isinstance(line, str) for key in line]
    return {*map(str, page), *(group.lstrip("/") for group in groups)} - {"defaults"}


def _existing_keys(
    asked: SearchSpace, overrides: set[str], base: ComposedConfig, trains: list[str]
) -> tuple[SearchSpace, list[str]]:
    """The part of a space that is there; what is left out, by name. What was typed stays."""
    models = asked.keys.get("model")
    names = [f"model={name}" for name in getattr(models, "choices", ())]
    bases = [base, *(compose([*trains, name]) for name in names)]
    there = asked.select(
        lambda key: key in overrides or any(key_exists(key, one.cfg) for one in bases)
    )
    missing = [key for key in asked.keys if key not in there.keys]
    who = f"model={base.choices['model']} loss={base.choices['loss']}" if models is None else "any"
    note = f"left out, for there is no such key with {who}: {', '.join(missing)}"
    return there, [note] if missing else []


def _default_value(
    key: str, base: ComposedConfig, trains: list[str], space: SearchSpace
) -> ParamValue | None:
    """The value that a key has without a search; None if no sampler could propose it."""
    group = key.lstrip("+")
    if group in base.choices:
        return base.choices[group]
    value = OmegaConf.select(base.cfg, group)
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | ListConfig):
        plain: Any = OmegaConf.to_container(value) if isinstance(value, ListConfig) else value
        return str(Transformer.str(plain))
    for choice in getattr(space.keys[key], "choices", ()):  # of a group with several options
        if compose([*trains, f"{key}={choice}"]).cfg == base.cfg:
            return choice
    return None
