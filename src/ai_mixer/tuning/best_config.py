"""The best trial as a page of configs/experiment/sweep: `make train experiment=sweep/<study>`."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml  # type: ignore[import-untyped]
from omegaconf import DictConfig, OmegaConf

from ai_mixer.tracking.overrides import LOCATIONS, is_path
from ai_mixer.tuning.objective import compose

EXCLUDED_GROUPS = {
    "experiment",
    "debug",
    "local",
    "paths",
    "loss/scale",
}  # groups that a page cannot choose
EXCLUDED_KEYS = ("paths", "run_name", "ckpt_path", "cv")  # what is of the run, not of the recipe


def experiment_config(name: str, words: Sequence[str], comments: Sequence[str]) -> str:
    """A page that composes what the words compose, but where files are stored.

    A page may be committed. ValueError if a page cannot say it.
    """
    plain, mine = compose([]), compose(words)
    groups = {
        group: option
        for group, option in mine.choices.items()
        if group not in EXCLUDED_GROUPS and option != plain.choices.get(group)
    }
    terms = [word.partition("=")[2] for word in words if word.startswith("loss/term=")]
    chosen = [f"{group}={option}" for group, option in groups.items()]
    chosen += [f"loss/term={terms[-1]}"] if terms else []
    overrides: list[dict[str, Any]] = [{f"override /{key}": one} for key, one in groups.items()]
    overrides += [{"override /loss/term": yaml.safe_load(terms[-1])}] if terms else []
    values = _differing(
        _without_excluded_keys(mine.cfg), _without_excluded_keys(compose(chosen).cfg)
    )
    page: dict[str, Any] = {"defaults": overrides} if overrides else {}
    page |= {"run_name": name, **values}
    head = ["# @package _global_", *(f"# {line}" for line in comments)]
    return "\n".join([*head, OmegaConf.to_yaml(OmegaConf.create(page))])


def same_training(first: DictConfig, second: DictConfig) -> bool:
    """Whether two configs train the same, wherever their files lie and whatever they are called."""
    return _without_excluded_keys(first) == _without_excluded_keys(second)


def _without_excluded_keys(cfg: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    if isinstance(data := plain.get("data"), dict):
        plain["data"] = {key: value for key, value in data.items() if key not in LOCATIONS}
    return {str(key): value for key, value in plain.items() if key not in EXCLUDED_KEYS}


def _differing(
    mine: Mapping[str, Any], other: Mapping[str, Any], place: str = ""
) -> dict[str, Any]:
    """What must be written over `other` to have `mine`."""
    gone = [key for key in other if key not in mine]
    if gone:
        raise ValueError(f"{place}{gone[0]} was taken away, which a page cannot say")
    found: dict[str, Any] = {}
    for key, value in mine.items():
        both = isinstance(value, Mapping) and isinstance(other.get(key), Mapping)
        if both:
            found[key] = _differing(value, other[key], f"{place}{key}.")
        elif key not in other or value != other[key]:
            if is_path(value):
                raise ValueError(f"{place}{key}={value} is a path, which no page may say")
            found[key] = value
    return {key: value for key, value in found.items() if value != {} or key not in other}
