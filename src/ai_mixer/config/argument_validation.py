"""Validation of a config against the signatures of its targets, before anything is built."""

import inspect
import math
import pydoc
import re
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, cast, get_args, get_origin

from hydra.errors import InstantiationException
from omegaconf import DictConfig, ListConfig, OmegaConf

from ai_mixer.config.source_signature import argument_names

UNIONS = (typing.Union, UnionType)
SCALARS = (bool, int, float, str)


def check_arguments(cfg: DictConfig, defaults: DictConfig) -> None:
    """Check names and types of the arguments of all targets, and that all numbers are finite.

    Keys outside a target must be numbers where `defaults` has numbers, or what the argument accepts
    that refers to them (`excerpt_s: ${excerpt}`). Imports the targets of `cfg`. ValueError in one
    line with the key and the value.
    """
    _check_finite(cfg)
    hints = dict(_referring_hints(cfg))
    for key, node in _nodes(cfg):
        if "_target_" not in node:
            _check_numbers(key, node, OmegaConf.select(defaults, key) if key else defaults, hints)
    for key, node in _nodes(cfg):
        if "_target_" in node:
            _check_node(key, node)


def describe_call_error(error: InstantiationException) -> str | None:
    """Describe a call with unknown or missing arguments; None for any other error."""
    call = re.search(r"call to target '([^']+)'", str(error))
    what = re.search(r"(unexpected keyword|missing \d+ required) .*", str(error.__cause__))
    if call is None or what is None or not isinstance(error.__cause__, TypeError):
        return None
    known = ", ".join(_parameters(_locate(call[1])))
    return f"{call[1]}: {what[0]}; it takes {known}"


def accepts_argument(target: object, name: str) -> bool:
    """Whether the target takes an argument of this name; imports it only if needed."""
    names = argument_names(str(target))
    if names is not None:
        return name in names
    parameters = _parameters(_locate(target))
    return name in parameters or _accepts_kwargs(parameters)


def matches_type(value: object, hint: Any) -> bool:
    """Whether a config value is acceptable for a type annotation; True in case of doubt.

    >>> matches_type(3, float), matches_type("ten", int | None), matches_type(True, int)
    (True, False, False)
    >>> matches_type([1], tuple[int, ...])
    True
    """
    kind = get_origin(hint) or hint
    if kind in UNIONS:
        return any(matches_type(value, one) for one in get_args(hint))
    if kind is Literal:
        return value in get_args(hint)
    if isinstance(value, str) and _is_tensor(kind):
        return False
    return kind not in _INCOMPATIBLE_TYPES.get(type(value), SCALARS)


def _is_tensor(kind: Any) -> bool:
    """Whether an annotation is torch.Tensor, without importing torch."""
    return (getattr(kind, "__module__", ""), getattr(kind, "__name__", "")) == ("torch", "Tensor")


# Type of a YAML value → annotations it does not match; lists and dicts match no scalar.
_INCOMPATIBLE_TYPES: dict[type, tuple[Any, ...]] = {
    NoneType: SCALARS,
    bool: (int, float, str),
    int: (str, NoneType),
    float: (int, str, NoneType),
    str: (bool, int, float, NoneType),
}


def _nodes(node: Any, key: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Iterate over (dotted key, node) of each dict, outer ones first."""
    if isinstance(node, DictConfig):
        yield key, node
    for name in list(node) if isinstance(node, DictConfig) else range(len(node)):
        if not OmegaConf.is_interpolation(node, name):
            child = node[name]
            if isinstance(child, DictConfig | ListConfig):
                yield from _nodes(child, f"{key}.{name}" if key else str(name))


def _check_finite(node: DictConfig | ListConfig, key: str = "") -> None:
    """ValueError for NaN and infinity, which would fail only after hours, or silently."""
    for name in list(node) if isinstance(node, DictConfig) else range(len(node)):
        if OmegaConf.is_interpolation(node, name) or OmegaConf.is_missing(node, name):
            continue
        value, path = node[name], f"{key}.{name}" if key else str(name)
        if isinstance(value, DictConfig | ListConfig):
            _check_finite(value, path)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{path}={value}: must be a finite number")


def _check_node(key: str, node: DictConfig) -> None:
    target = _locate(node._target_)
    parameters = _parameters(target)
    for name in (str(name) for name in node if not str(name).startswith("_")):
        if name in parameters:
            hint = _hints(target).get(name, Any)
            _check_value(f"{key}.{name}", node[name], hint, parameters[name])
        elif parameters and not _accepts_kwargs(parameters):
            known, owner = ", ".join(parameters), str(node._target_).rpartition(".")[2]
            raise ValueError(f"{key}.{name}: {owner} has no argument {name}; it takes {known}")


def _locate(target: object) -> Any:
    """Import the target; None if it does not exist, which instantiation reports."""
    try:
        return pydoc.locate(str(target))
    except pydoc.ErrorDuringImport:
        return None


def _parameters(target: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(target).parameters
    except (ValueError, TypeError):
        return {}


def _accepts_kwargs(parameters: Mapping[str, inspect.Parameter]) -> bool:
    return any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())


def _check_value(key: str, value: Any, hint: Any, parameter: inspect.Parameter) -> None:
    is_target = isinstance(value, DictConfig) and "_target_" in value
    if not is_target and value is not parameter.default and not matches_type(value, hint):
        raise _type_error(key, value, hint)


@cache
def _hints(target: Any) -> Mapping[str, Any]:
    """Argument → annotation; empty if the annotations cannot be evaluated."""
    try:
        return typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except (NameError, TypeError, AttributeError):
        return {}


def _referring_hints(cfg: DictConfig) -> Iterator[tuple[str, Any]]:
    """Iterate over (dotted key, annotation of an argument whose value is `${key}`)."""
    for _, node in _nodes(cfg):
        plain = OmegaConf.to_container(node, resolve=False) if "_target_" in node else {}
        for name, value in cast(dict[str, Any], plain).items():
            if reference := re.fullmatch(r"\$\{([\w.]+)\}", str(value)):
                yield reference[1], _hints(_locate(node._target_)).get(name, Any)


def _check_numbers(key: str, node: DictConfig, defaults: Any, hints: Mapping[str, Any]) -> None:
    names = map(str, node) if isinstance(defaults, DictConfig) else ()
    for name in names:
        plain = name in defaults and not OmegaConf.is_interpolation(defaults, name)
        default = defaults[name] if plain else None
        full_key = f"{key}.{name}" if key else name
        hint = hints.get(full_key, bool if isinstance(default, bool) else float)
        if isinstance(default, int | float) and not matches_type(node[name], hint):
            raise _type_error(full_key, node[name], hint)


def _type_error(key: str, value: Any, hint: Any) -> ValueError:
    return ValueError(f"{key}={'null' if value is None else value}: must be {_describe_type(hint)}")


def _describe_type(hint: Any) -> str:
    """Describe a type for an error message.

    >>> _describe_type(int | None), _describe_type(float), _describe_type(tuple[int, ...])
    ('a whole number or null', 'a number', 'tuple[int, ...]')
    >>> _describe_type(Literal["step", "epoch"])
    'step or epoch'
    """
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if get_origin(hint) in UNIONS:
        return " or ".join(_describe_type(one) for one in get_args(hint))
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    if hint in names or hint is NoneType:
        return names.get(hint, "null")
    return str(hint) if get_args(hint) else getattr(hint, "__name__", str(hint))
