"""Convert a nested config to MLflow params: flat names, only values that differ from defaults."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_KEY = 250  # characters; limits of MLflow
MAX_VALUE = 6000
_CUT = " … (whole value in config.yaml)"


def flatten(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a nested config as (dotted name, value); a list of scalars is one leaf.

    >>> dict(flatten({"model": {"width": 64, "kernels": [3, 7]}, "terms": [{"weight": 1}]}))
    {'model.width': 64, 'model.kernels': [3, 7], 'terms.0.weight': 1}
    """
    if isinstance(config, Mapping) and config:
        items = [(str(key), value) for key, value in config.items()]
    elif _is_list(config) and any(isinstance(item, Mapping) for item in config):
        items = [(str(index), item) for index, item in enumerate(config)]
    else:
        yield prefix, list(config) if _is_list(config) else config
        return
    for key, value in items:
        yield from flatten(value, f"{prefix}.{key}" if prefix else key)


def differing_params(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, str]:
    """Return the leaves of `config` that are missing in `defaults` or differ, as MLflow params.

    >>> differing_params({"lr": 0.1, "model": {"width": 64}}, {"lr": 0.2, "model": {"width": 64}})
    {'lr': '0.1'}
    """
    known = dict(flatten(defaults)) if defaults else {}
    leaves = flatten(config) if config else iter(())
    return {
        valid_mlflow_name(name): _text(value)
        for name, value in leaves
        if name not in known or known[name] != value
    }


def valid_mlflow_name(name: str) -> str:
    """Replace characters that MLflow does not accept in a param, metric or tag name by `_`."""
    return re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)[:MAX_KEY]


def _text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - len(_CUT)] + _CUT


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
