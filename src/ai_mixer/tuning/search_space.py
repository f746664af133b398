"""What is searched: words in Hydra's sweep grammar, read as Optuna's distributions.

optimizer.lr=tag(log, interval(1e-5, 1e-3))     a number between, on a logarithmic scale
model.blocks=range(3, 7)                        3, 4, 5 or 6
optimizer=choice(adam, adamw)                   one of these; also optimizer=adam,adamw
loader.batch_size=int(interval(8, 64))          a whole number between
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

ParamValue = bool | int | float | str
OPTIONAL_PREFIXES = ("model.", "loss.terms.")  # keys that not every model, or loss, has


@dataclass(frozen=True)
class SearchSpace:
    """Key of the command line → the values that it may take."""

    keys: Mapping[str, BaseDistribution]

    @classmethod
    def parse(cls, to_overrides: Iterable[str]) -> "SearchSpace":
        """From words such as `model.dropout=choice(0.2,0.3)`; the last one of a key counts.

        ValueError in one line for a word that is none.
        """
        return cls(dict(_parse_override(word) for word in to_overrides))

    @classmethod
    def from_json(cls, plain: Mapping[str, str]) -> "SearchSpace":
        """What `to_json` wrote."""
        return cls({key: json_to_distribution(text) for key, text in plain.items()})

    def to_json(self) -> dict[str, str]:
        """As plain text, to keep beside the trials and to compare with."""
        return {key: distribution_to_json(values) for key, values in self.keys.items()}

    def select(self, wanted: Callable[[str], bool]) -> "SearchSpace":
        """The part whose keys are wanted."""
        return SearchSpace({key: values for key, values in self.keys.items() if wanted(key)})

    def suggest(self, trial: Trial) -> dict[str, ParamValue]:
        """What the sampler of the trial's study wants to see tried."""
        return {key: _suggest(trial, key, values) for key, values in self.keys.items()}

    def widened_to(self, point: Mapping[str, ParamValue]) -> "SearchSpace":
        """The space made as wide as it takes to hold `point`; steps stay steps."""
        return SearchSpace(
            {k: _widened(v, point[k]) if k in point else v for k, v in self.keys.items()}
        )

    def grid(self) -> Iterator[dict[str, ParamValue]]:
        """Every point. ValueError if something is continuous."""
        for key, values in self.keys.items():
            if isinstance(values, FloatDistribution) and values.step is None:
                raise ValueError(
                    f"sampler=grid cannot list {key}={format_distribution(values)}: "
                    "give it as choice(…) or "
                    "range(…), or take another sampler"
                )
        columns = [[(key, value) for value in _grid_values(v)] for key, v in self.keys.items()]
        return (dict(point) for point in itertools.product(*columns))


def is_sweep_override(word: str) -> bool:
    """Whether a word of the command line gives several values to choose from."""
    return OverridesParser.create().parse_override(word).is_sweep_override()


def to_overrides(params: Mapping[str, ParamValue]) -> list[str]:
    """One point of a space as words of a training.

    >>> to_overrides({"optimizer": "adam", "optimizer.lr": 3e-05, "loader.batch_size": 16})
    ['optimizer=adam', 'optimizer.lr=3e-05', 'loader.batch_size=16']
    """
    return [f"{key}={value}" for key, value in params.items()]


def format_distribution(values: BaseDistribution) -> str:
    """A distribution as Hydra would write it.

    >>> format_distribution(FloatDistribution(1e-5, 1e-3, log=True)), format_distribution(IntDistribution(3, 6))
    ('tag(log, interval(1e-05, 0.001))', 'range(3, 7)')
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
    """What differs between two spaces as `to_json` writes them, key by key."""
    said = []
    for key in dict.fromkeys([*before, *now]):
        if _parse_json(before.get(key)) != _parse_json(now.get(key)):
            old, new = (_format_json(one.get(key)) for one in (before, now))
            said.append(f"{key} was {old}, is {new}")
    return said


def _parse_json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _format_json(text: str | None) -> str:
    return "not searched" if text is None else format_distribution(json_to_distribution(text))


def _parse_override(word: str) -> tuple[str, BaseDistribution]:
    parsed = OverridesParser.create().parse_override(word)
    return parsed.get_key_element(), _distribution(word, parsed)


def _distribution(word: str, parsed: Override) -> BaseDistribution:
    asked = parsed.value()
    try:
        if isinstance(asked, ChoiceSweep):
            _check_tags(word, asked.tags, set())
            return CategoricalDistribution(list(dict.fromkeys(_choices(parsed))))
        if isinstance(asked, IntervalSweep):
            return _interval_distribution(asked, log=_check_tags(word, asked.tags, {"log"}))
        if isinstance(asked, RangeSweep):
            return _range_distribution(asked, log=_check_tags(word, asked.tags, {"log"}))
    except ValueError as error:
        raise ValueError(f"{word}: {error}") from error
    raise ValueError(
        f"{word}: nothing to search in: give choice(a,b), range(3,7), interval(0.1,0.5) or "
        "tag(log,interval(1e-5,1e-3))"
    )


def _choices(parsed: Override) -> Iterator[ParamValue]:
    for value in parsed.sweep_iterator():
        yield value if isinstance(value, bool | int | float) else str(Transformer.str(value))


def _interval_distribution(asked: IntervalSweep, log: bool) -> BaseDistribution:
    low, high = asked.start, asked.end
    assert low is not None
    assert high is not None
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _range_distribution(asked: RangeSweep, log: bool) -> BaseDistribution:
    listed = list(asked.range())
    if len(listed) == 0 or asked.step < 0:
        raise ValueError("is empty or runs downwards: range(low, high, step), high left out")
    if all(isinstance(value, int) for value in (*listed, asked.step)):
        return IntDistribution(int(listed[0]), int(listed[-1]), step=int(asked.step), log=log)
    return FloatDistribution(float(listed[0]), float(listed[-1]), step=float(asked.step), log=log)


def _check_tags(word: str, tags: set[str], known: set[str]) -> bool:
    """Whether it is logarithmic."""
    for tag in tags - known:
        raise ValueError(f"tag({tag}, …) means nothing here; tag(log, …) goes with an interval")
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
    """Whether a distribution could propose a value."""
    if isinstance(values, CategoricalDistribution):
        return value in values.choices
    if isinstance(value, bool | str):
        return False
    try:
        return values._contains(values.to_internal_repr(value))
    except ValueError:  # zero on a logarithmic scale
        return False


def lowest_value(values: BaseDistribution) -> ParamValue:
    """The first choice, or the lower end."""
    if isinstance(values, CategoricalDistribution):
        first = values.choices[0]
        assert first is not None
        return first
    assert isinstance(values, FloatDistribution | IntDistribution)
    return values.low


def _widened(values: BaseDistribution, value: ParamValue) -> BaseDistribution:
    """Unchanged where it cannot be made to hold the value: steps, zero on a logarithmic scale."""
    if contains(values, value):
        return values
    if isinstance(values, CategoricalDistribution):
        return CategoricalDistribution([*values.choices, value])
    assert isinstance(values, FloatDistribution | IntDistribution)
    if isinstance(value, bool | str) or values.step not in (None, 1) or (values.log and value <= 0):
        return values
    if isinstance(values, FloatDistribution):
        ends = min(values.low, value), max(values.high, value)
        return FloatDistribution(*ends, log=values.log)
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
