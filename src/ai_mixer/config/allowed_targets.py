"""What a config may name: a `_target_` elsewhere is refused before anything is imported.

A model.json brings a config with it, and a config calls what it names. Hydra's own list says what
is forbidden; this one says what is allowed (docs/decisions/0015-allowed-targets.md).
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from omegaconf import DictConfig, OmegaConf

ALLOWED_CLASSES = (
    "ai_mixer.augment",
    "ai_mixer.training.callbacks",
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
    "pytorch_lightning.profilers",
    "pytorch_lightning.strategies",
    "pytorch_lightning.trainer.trainer",
    "torch.optim",
)
"""Where classes may come from. Not the whole package: its stages load, write and start things."""

ALLOWED_FUNCTIONS = ("ai_mixer.training.schedulers",)
"""Where functions may come from."""

_MISSING = object()


def check_targets(cfg: DictConfig, allow_targets: Sequence[str] = ()) -> None:
    """Refuse a config that names anything outside the allowed places; imports nothing.

    allow_targets: further packages that it may name. ValueError in one line with the key and the
    target.
    """
    _check_target_names(_targets(OmegaConf.to_container(cfg, resolve=False)), allow_targets)


def resolve_checked(cfg: DictConfig, key: str, allow_targets: Sequence[str] = ()) -> Any:
    """The part `key` of a config, resolved, all of whose targets exist in allowed places.

    A name is not enough: an allowed module may have imported something else. So a target must be
    a class (or a function, where those are allowed) whose own module is allowed, too. ValueError in
    one line if one is not.
    """
    part = OmegaConf.select(cfg, key, default=_MISSING)
    if part is _MISSING:
        raise ValueError(f"{key}: the config lacks this part")
    if not OmegaConf.is_config(part):
        return part
    plain = OmegaConf.to_container(part, resolve=True)
    for place, value in _walk(plain, key):
        if isinstance(value, str) and "${" in value:  # would be resolved again, unseen
            raise ValueError(f"{place}={value}: still a reference once resolved: write it plainly")
    _check_target_names(_targets(plain, key), allow_targets)
    for place, target in _targets(plain, key):
        _check_object(place, target, allow_targets)
    return plain


def config_from_card(config: Mapping[str, Any], allow_targets: Sequence[str] = ()) -> DictConfig:
    """The config of a model card; whom it may name is the reader's word, never its own."""
    return OmegaConf.create({**config, "allow_targets": list(allow_targets)})


def _check_target_names(targets: Iterable[tuple[str, Any]], allow_targets: Sequence[str]) -> None:
    for key, target in targets:
        if not isinstance(target, str) or not _is_under(
            target, (*ALLOWED_CLASSES, *ALLOWED_FUNCTIONS, *allow_targets)
        ):
            raise _not_allowed(key, target)


def _check_object(key: str, target: str, allow_targets: Sequence[str]) -> None:
    found = _import_target(target)
    if found is None:
        raise ValueError(f"{key}={target}: there is nothing of that name")
    home = f"{getattr(found, '__module__', None)}.{target.rpartition('.')[2]}"
    kind = (
        ALLOWED_CLASSES
        if inspect.isclass(found)
        else ALLOWED_FUNCTIONS
        if inspect.isfunction(found)
        else ()
    )
    if not _is_under(home, (*kind, *allow_targets)):
        raise _not_allowed(key, target)


def _import_target(target: str) -> Any:
    """What `package.module.name` names; an attribute of an attribute is not followed."""
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module), name, None) if module else None
    except ModuleNotFoundError as error:
        if _is_under(module, [str(error.name)]):
            return None
        raise  # the module is there, and lacks one that it needs


def _not_allowed(key: str, target: Any) -> ValueError:
    package = str(target).partition(".")[0]
    return ValueError(
        f"{key}={target}: not among what a config may name; "
        f"if you know that code and trust it, say so: allow_targets=[{package}]"
    )


def _is_under(name: str, places: Sequence[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def _targets(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every `_target_`, at any depth."""
    walk = _walk(node, key)
    return ((place, value) for place, value in walk if place.rpartition(".")[2] == "_target_")


def _walk(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of a node and of everything in it."""
    yield key, node
    items = enumerate(node) if isinstance(node, list) else ()
    for name, value in node.items() if isinstance(node, Mapping) else items:
        yield from _walk(value, f"{key}.{name}" if key else str(name))
