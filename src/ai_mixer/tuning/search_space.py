"""Search space: overrides in Hydra's sweep grammar as Optuna distributions.

optimizer.lr=tag(log, interval(1e-5, 1e-3))     a float on a logarithmic scale
model.blocks=range(3, 7)                        3, 4, 5 or 6
optimizer=choice(adam, adamw)                   one of several; also optimizer=adam,adamw
loader.batch_size=int(interval(8, 64))          an integer
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    RangeSweep,
    Transformer,
)
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)
from optuna.trial import Trial

from ai_mixer.tuning.optuna_private import distribution_contains

ParamValue = bool | int | float | str
OPTIONAL_PREFIXES = ("model.", "loss.terms.")  # keys that not every model or loss has


@dataclass(frozen=True)
class SearchSpace:
    """Key of an override → its distribution."""

    distributions: Mapping[str, BaseDistribution]

    @classmethod
    def parse(cls, overrides: Iterable[str]) -> "SearchSpace":
        """Parse overrides such as `model.dropout=choice(0.2,0.3)`; the last one of a key counts.

        ValueError (one line) for an override that has one value or cannot be searched.
        """
        return cls(dict(_parse_override(override) for override in overrides))

    @classmethod
    def from_json(cls, texts: Mapping[str, str]) -> "SearchSpace":
        """Restore a space from `to_json`."""
        return cls({key: json_to_distribution(text) for key, text in texts.items()})

    def to_json(self) -> dict[str, str]:
        """Key → Optuna's JSON of its distribution."""
        return {key: distribution_to_json(values) for key, values in self.distributions.items()}

    def select(self, predicate: Callable[[str], bool]) -> "SearchSpace":
        """The space of the keys for which the predicate is true."""
        return SearchSpace(
            {key: values for key, values in self.distributions.items() if predicate(key)}
        )

    def suggest(self, trial: Trial) -> dict[str, ParamValue]:
        """Values that the sampler of the trial's study proposes."""
        return {key: _suggest(trial, key, values) for key, values in self.distributions.items()}

    def widened_to(self, point: Mapping[str, ParamValue]) -> "SearchSpace":
        """The space extended to include `point`, where steps and scales allow it."""
        return SearchSpace(
            {k: _widened(v, point[k]) if k in point else v for k, v in self.distributions.items()}
        )

    def grid(self) -> Iterator[dict[str, ParamValue]]:
        """All points. ValueError if a distribution is continuous."""
        for key, values in self.distributions.items():
            if isinstance(values, FloatDistribution) and values.step is None:
                raise ValueError(
                    f"sampler=grid cannot list {key}={format_distribution(values)}: "
                    "use choice(…) or range(…), or another sampler"
                )
        columns = [
            [(key, value) for value in _grid_values(values)]
            for key, values in self.distributions.items()
        ]
        return (dict(point) for point in itertools.product(*columns))


def to_overrides(params: Mapping[str, ParamValue]) -> list[str]:
    """One point of a space as overrides of a training.

    >>> to_overrides({"optimizer": "adam", "optimizer.lr": 3e-05, "loader.batch_size": 16})
    ['optimizer=adam', 'optimizer.lr=3e-05', 'loader.batch_size=16']
    """
    return [f"{key}={value}" for key, value in params.items()]


def format_distribution(values: BaseDistribution) -> str:
    """Format a distribution in Hydra's grammar.

    >>> format_distribution(FloatDistribution(1e-5, 1e-3, log=True))
    'tag(log, interval(1e-05, 0.001))'
    >>> format_distribution(IntDistribution(3, 6))
    'range(3, 7)'
    """
    if isinstance(values, CategoricalDistribution):
        return f"choice({', '.join(map(str, values.choices))})"
    assert isinstance(values, FloatDistribution | IntDistribution)
    if isinstance(values, IntDistribution):
        step = "" if values.step == 1 else f", {values.step}"
        text = f"range({values.low}, {values.high + 1}{step})"
    elif values.step is None:
        text = f"interval({values.low}, {values.high})"
    else:
        text = f"range({values.low}, {values.high + values.step}, {values.step})"
    return f"tag(log, {text})" if values.log else text


def space_differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Differences between two spaces in `to_json` form, one text per key."""
    differences = []
    for key in dict.fromkeys([*before, *now]):
        if _parse_json(before.get(key)) != _parse_json(now.get(key)):
            old, new = (_format_json(space.get(key)) for space in (before, now))
            differences.append(f"{key} was {old}, is {new}")
    return differences


def _parse_json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _format_json(text: str | None) -> str:
    return "not searched" if text is None else format_distribution(json_to_distribution(text))


def _parse_override(override: str) -> tuple[str, BaseDistribution]:
    parsed = OverridesParser.create().parse_override(override)
    return parsed.get_key_element(), _distribution(override, parsed)


def _distribution(override: str, parsed: Override) -> BaseDistribution:
    sweep = parsed.value()
    try:
        if isinstance(sweep, ChoiceSweep):
            _check_tags(sweep.tags, set())
            return CategoricalDistribution(list(dict.fromkeys(_choices(parsed))))
        if isinstance(sweep, IntervalSweep):
            return _interval_distribution(sweep, log=_check_tags(sweep.tags, {"log"}))
        if isinstance(sweep, RangeSweep):
            return _range_distribution(sweep, log=_check_tags(sweep.tags, {"log"}))
    except ValueError as error:
        raise ValueError(f"{override}: {error}") from error
    raise ValueError(
        f"{override}: nothing to search in: use choice(a,b), range(3,7), interval(0.1,0.5) or "
        "tag(log,interval(1e-5,1e-3))"
    )


def _choices(parsed: Override) -> Iterator[ParamValue]:
    for value in parsed.sweep_iterator():
        yield value if isinstance(value, bool | int | float) else str(Transformer.str(value))


def _interval_distribution(sweep: IntervalSweep, log: bool) -> BaseDistribution:
    low, high = sweep.start, sweep.end
    assert low is not None
    assert high is not None
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _range_distribution(sweep: RangeSweep, log: bool) -> BaseDistribution:
    values = list(sweep.range())
    if len(values) == 0 or sweep.step < 0:
        raise ValueError("empty or descending: use range(low, high, step), with high excluded")
    if all(isinstance(value, int) for value in (*values, sweep.step)):
        return IntDistribution(int(values[0]), int(values[-1]), step=int(sweep.step), log=log)
    return FloatDistribution(float(values[0]), float(values[-1]), step=float(sweep.step), log=log)


def _check_tags(tags: set[str], known: set[str]) -> bool:
    """Return whether the tags contain `log`. ValueError for an unknown tag."""
    for tag in tags - known:
        raise ValueError(f"unknown tag({tag}, …); tag(log, …) is for intervals and ranges")
    return "log" in tags


def _suggest(trial: Trial, key: str, values: BaseDistribution) -> ParamValue:
    if isinstance(values, CategoricalDistribution):
        choice = trial.suggest_categorical(key, values.choices)
        assert choice is not None
        return choice
    assert isinstance(values, FloatDistribution | IntDistribution)
    if isinstance(values, IntDistribution):
        return trial.suggest_int(key, values.low, values.high, step=values.step, log=values.log)
    return trial.suggest_float(key, values.low, values.high, step=values.step, log=values.log)


def contains(values: BaseDistribution, value: ParamValue) -> bool:
    """Whether a value is in a distribution."""
    if isinstance(values, CategoricalDistribution):
        return value in values.choices
    if isinstance(value, bool | str):
        return False
    try:
        return distribution_contains(values, value)
    except ValueError:  # zero on a logarithmic scale
        return False


def lowest_value(values: BaseDistribution) -> ParamValue:
    """The first choice, or the lower bound."""
    if isinstance(values, CategoricalDistribution):
        first = values.choices[0]
        assert first is not None
        return first
    assert isinstance(values, FloatDistribution | IntDistribution)
    return values.low


def _widened(values: BaseDistribution, value: ParamValue) -> BaseDistribution:
    """Extend to include the value; unchanged with steps, or for zero on a logarithmic scale."""
    if contains(values, value):
        return values
    if isinstance(values, CategoricalDistribution):
        return CategoricalDistribution([*values.choices, value])
    assert isinstance(values, FloatDistribution | IntDistribution)
    if isinstance(value, bool | str) or values.step not in (None, 1) or (values.log and value <= 0):
        return values
    if isinstance(values, FloatDistribution):
        bounds = min(values.low, value), max(values.high, value)
        return FloatDistribution(*bounds, log=values.log)
    if value != int(value):
        return values
    return IntDistribution(
        min(values.low, int(value)), max(values.high, int(value)), log=values.log
    )


def _grid_values(values: BaseDistribution) -> list[ParamValue]:
    if isinstance(values, CategoricalDistribution):
        return [choice for choice in values.choices if choice is not None]
    assert isinstance(values, FloatDistribution | IntDistribution)
    step = values.step or 1
    count = round((values.high - values.low) / step) + 1
    return [values.low + number * step for number in range(count)]
