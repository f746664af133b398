"""Renamed metrics: results of one value were `test/skill_blind` and `best/val/skill`.

In version 0.1.0 they had a `/`, as curves have (`core/metric_names.py`). Names in stored runs,
studies, configs and overrides are translated when they are read.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ai_mixer.core.metric_names import result_name

_GROUPS = ("best", "data", "eval", "initial", "test")
_NAME = re.compile(rf"(?<![\w/])(?:{'|'.join(_GROUPS)})/[\w./-]+")
_NAME_IN_FILTER = re.compile(r"\b(metrics?\.)(?:`([^`]+)`|\"([^\"]+)\"|([\w.-]+))")
_OBJECTIVES, _FILTER = ("maximize", "minimize"), "where"  # config keys with names of metrics


def translate_metric(name: str) -> str:
    """Translate the name of a metric.

    >>> translate_metric("test/skill_blind"), translate_metric("val/skill")
    ('test_skill_blind', 'val/skill')
    """
    group, slash, _ = name.partition("/")
    return result_name(name) if slash and group in _GROUPS else name


def translate_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Translate the metrics of a run; the value of a current name precedes that of an old one."""
    return {translate_metric(name): value for name, value in metrics.items()} | {
        name: value for name, value in metrics.items() if translate_metric(name) == name
    }


def translate_filter(text: str, rename: Callable[[str], str] = translate_metric) -> str:
    """Rename the metrics in a filter of MLflow's search syntax.

    >>> translate_filter("metrics.`test/skill_blind` > 0.2 and tags.a = 'test/b'")
    "metrics.`test_skill_blind` > 0.2 and tags.a = 'test/b'"
    """

    def replace(match: re.Match[str]) -> str:
        prefix, *names = match.groups()
        name = next(filter(None, names))
        new = rename(name)
        return match[0] if new == name else f"{prefix}`{new}`"

    return _NAME_IN_FILTER.sub(replace, text)


def translate_setting(key: str, value: Any) -> Any:
    """Translate the value of a config key, text or list, if it names metrics."""
    if isinstance(value, list):
        return [translate_setting(key, item) for item in value]
    if key in _OBJECTIVES and isinstance(value, str):
        return _NAME.sub(lambda match: translate_metric(match[0]), value)
    return translate_filter(value) if key == _FILTER and isinstance(value, str) else value
