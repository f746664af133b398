"""Allow-list of `_target_` values: other targets are rejected before anything is imported.

A model.json contains a config, and instantiating a config calls its targets. Hydra has a list of
forbidden targets; this is a list of allowed ones (docs/decisions/0015-allowed-targets.md).
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from omegaconf import DictConfig, OmegaConf

ALLOWED_CLASSES = (
    "ai_mixer.augment",
    "ai_mixer.training.callbacks",
    "ai_mixer.training.system",
    "ai_mixer.training.track_system",
    "ai_mixer.console",
    "ai_mixer.data",
    "ai_mixer.effects",
    "ai_mixer.losses",
    "ai_mixer.models",
    "ai_mixer.tuning.grid_sampler",
    "ai_mixer.tasks",
    "optuna.pruners",
    "optuna.samplers",
    "pytorch_lightning.Trainer",
    "pytorch_lightning.callbacks",
    "pytorch_lightning.loggers.csv_logs",
    "pytorch_lightning.loggers.tensorboard",
    "pytorch_lightning.loggers.wandb",
    "pytorch_lightning.profilers",
    "pytorch_lightning.strategies",
    "pytorch_lightning.trainer.trainer",
    "torch.optim",
)
"""Packages and modules of allowed classes. Not all of `ai_mixer`: stages read and write files and
start processes."""

ALLOWED_FUNCTIONS = ("ai_mixer.training.schedulers",)
"""Packages and modules of allowed functions."""

_MISSING = object()


def check_targets(cfg: DictConfig, allow_targets: Sequence[str] = ()) -> None:
    """Check all `_target_` names of a config against the allow-list, without imports.

    allow_targets: further allowed packages. ValueError in one line with the key and the target.
    """
    _check_target_names(_targets(OmegaConf.to_container(cfg, resolve=False)), allow_targets)


def resolve_checked(cfg: DictConfig, key: str, allow_targets: Sequence[str] = ()) -> Any:
    """Resolve the part `key` of a config and check that all its targets exist and are allowed.

    The name alone is not sufficient: an allowed module may have imported other objects. So a target
    must be a class (or a function, where those are allowed) that is defined in an allowed module.
    ValueError in one line with the key and the target.
    """
    part = OmegaConf.select(cfg, key, default=_MISSING)
    if part is _MISSING:
        raise ValueError(f"{key}: missing in the config")
    if not OmegaConf.is_config(part):
        return part
    plain = OmegaConf.to_container(part, resolve=True)
    for place, value in _walk(plain, key):
        if isinstance(value, str) and "${" in value:  # would be resolved again, unchecked
            raise ValueError(
                f"{place}={value}: still an interpolation after resolving: write the value"
            )
    _check_target_names(_targets(plain, key), allow_targets)
    for place, target in _targets(plain, key):
        _check_object(place, target, allow_targets)
    return plain


def config_from_card(config: Mapping[str, Any], allow_targets: Sequence[str] = ()) -> DictConfig:
    """Return the config of a model card with the caller's `allow_targets`, not the card's own."""
    return OmegaConf.create({**config, "allow_targets": list(allow_targets)})


def _check_target_names(targets: Iterable[tuple[str, Any]], allow_targets: Sequence[str]) -> None:
    for key, target in targets:
        if not isinstance(target, str) or not _is_under(
            target, (*ALLOWED_CLASSES, *ALLOWED_FUNCTIONS, *allow_targets)
        ):
            raise _not_allowed(key, target)


def _check_object(key: str, target: str, allow_targets: Sequence[str]) -> None:
    imported = _import_target(target)
    if imported is None:
        raise ValueError(f"{key}={target}: there is nothing of that name")
    defined_in = f"{getattr(imported, '__module__', None)}.{target.rpartition('.')[2]}"
    allowed: tuple[str, ...] = ()
    if inspect.isclass(imported):
        allowed = ALLOWED_CLASSES
    elif inspect.isfunction(imported):
        allowed = ALLOWED_FUNCTIONS
    if not _is_under(defined_in, (*allowed, *allow_targets)):
        raise _not_allowed(key, target)


def _import_target(target: str) -> Any:
    """Import `package.module.name`; None if it does not exist or is an attribute of an object."""
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module), name, None) if module else None
    except ModuleNotFoundError as error:
        if _is_under(module, [str(error.name)]):
            return None
        raise  # the module exists; one of its own imports is missing


def _not_allowed(key: str, target: Any) -> ValueError:
    package = str(target).partition(".")[0]
    return ValueError(
        f"{key}={target}: not among the allowed targets; "
        f"if you trust that code, allow it: allow_targets=[{package}]"
    )


def _is_under(name: str, places: Sequence[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def _targets(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over (dotted key, value) of each `_target_` at any depth."""
    walk = _walk(node, key)
    return ((place, value) for place, value in walk if place.rpartition(".")[2] == "_target_")


def _walk(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Iterate over (dotted key, value) of a node and all nodes below it."""
    yield key, node
    items = enumerate(node) if isinstance(node, list) else ()
    for name, value in node.items() if isinstance(node, Mapping) else items:
        yield from _walk(value, f"{key}.{name}" if key else str(name))
