"""The best trial as a config file for `make train experiment=sweep/<study>`."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml  # type: ignore[import-untyped]
from omegaconf import DictConfig, OmegaConf

from ai_mixer.tracking.overrides import LOCATIONS, is_path
from ai_mixer.tuning.objective import compose

# Groups that an experiment config cannot select.
EXCLUDED_GROUPS = {"experiment", "debug", "local", "paths", "loss/scale"}
EXCLUDED_KEYS = (
    "paths",
    "run_name",
    "ckpt_path",
    "cv",
    "seeds",
    "quiet",
)  # they belong to a run, not to a recipe


def experiment_config(name: str, overrides: Sequence[str], comments: Sequence[str]) -> str:
    """Return an experiment config that composes the same training as `overrides`, without paths.

    The file may be committed. ValueError if the training cannot be expressed without paths or
    deletions.
    """
    default, composed = compose([]), compose(overrides)
    groups = {
        group: option
        for group, option in composed.choices.items()
        if group not in EXCLUDED_GROUPS and option != default.choices.get(group)
    }
    terms = [text.partition("=")[2] for text in overrides if text.startswith("loss/term=")]
    choices = [f"{group}={option}" for group, option in groups.items()]
    choices += [f"loss/term={terms[-1]}"] if terms else []
    defaults: list[dict[str, Any]] = [
        {f"override /{group}": option} for group, option in groups.items()
    ]
    defaults += [{"override /loss/term": yaml.safe_load(terms[-1])}] if terms else []
    values = _difference(
        _without_excluded_keys(composed.cfg), _without_excluded_keys(compose(choices).cfg)
    )
    config: dict[str, Any] = {"defaults": defaults} if defaults else {}
    config |= {"run_name": name, **values}
    head = ["# @package _global_", *(f"# {line}" for line in comments)]
    return "\n".join([*head, OmegaConf.to_yaml(OmegaConf.create(config))])


def same_training(first: DictConfig, second: DictConfig) -> bool:
    """Whether two configs are equal apart from paths and names."""
    return _without_excluded_keys(first) == _without_excluded_keys(second)


def _without_excluded_keys(cfg: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    if isinstance(data := plain.get("data"), dict):
        plain["data"] = {key: value for key, value in data.items() if key not in LOCATIONS}
    return {str(key): value for key, value in plain.items() if key not in EXCLUDED_KEYS}


def _difference(
    wanted: Mapping[str, Any], base: Mapping[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """Values that turn `base` into `wanted`. ValueError for deleted keys and for paths."""
    deleted = [key for key in base if key not in wanted]
    if deleted:
        raise ValueError(f"{prefix}{deleted[0]} is deleted, which a config file cannot express")
    values: dict[str, Any] = {}
    for key, value in wanted.items():
        both = isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
        if both:
            values[key] = _difference(value, base[key], f"{prefix}{key}.")
        elif key not in base or value != base[key]:
            if is_path(value):
                raise ValueError(f"{prefix}{key}={value} is a path, which the config must not hold")
            values[key] = value
    return {key: value for key, value in values.items() if value != {} or key not in base}
