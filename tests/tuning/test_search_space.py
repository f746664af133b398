"""Hydra's sweep grammar as Optuna distributions, and points of them as overrides."""

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from ai_mixer.config.overrides import is_sweep_override
from ai_mixer.tuning.search_space import (
    SearchSpace,
    contains,
    format_distribution,
    space_differences,
    to_overrides,
)

GRAMMAR = {
    "a.b=tag(log, interval(1e-5, 1e-3))": FloatDistribution(1e-5, 1e-3, log=True),
    "a.b=interval(0, 1)": FloatDistribution(0, 1),
    "a.b=int(interval(8, 64))": IntDistribution(8, 64),
    "a.b=range(3, 7)": IntDistribution(3, 6),
    "a.b=range(3, 8, 2)": IntDistribution(3, 7, step=2),
    "a.b=range(0, 1, 0.25)": FloatDistribution(0, 0.75, step=0.25),
    "a.b=tag(log, range(1, 101))": IntDistribution(1, 100, log=True),
    "a.b=choice(16, 32)": CategoricalDistribution([16, 32]),
    "a.b=true,false": CategoricalDistribution([True, False]),
    "a/b=choice(x, 'two words')": CategoricalDistribution(["x", r"two\ words"]),
    "loss/term=choice([knobs],[knobs,perceptual])": CategoricalDistribution(
        ["[knobs]", "[knobs,perceptual]"]
    ),
}
INVALID = {
    "a=5": "nothing to search in",
    "a=range(5,2)": "empty or descending",
    "a=range(5,2,-1)": "descending",
    "a=tag(often,interval(1,2))": "tag.often",
    "a=tag(log,choice(1,2))": "tag.log",
    "a=tag(log,interval(0,2))": "low > 0",
    "a=interval(2,1)": "a=interval",
    "a=glob(*)": "nothing to search in",
}


@pytest.mark.parametrize(("override", "distribution"), GRAMMAR.items())
def test_override_is_parsed_into_a_distribution(override, distribution):
    assert is_sweep_override(override)
    (parsed,) = SearchSpace.parse([override]).distributions.values()
    assert parsed == distribution


@pytest.mark.parametrize(
    "distribution",
    [d for d in GRAMMAR.values() if not (isinstance(d, FloatDistribution) and d.step)],
    ids=str,
)
def test_formatted_distribution_is_parsed_into_itself(distribution):
    """Not for float ranges with a step, whose end is rounded."""
    override = f"a={format_distribution(distribution)}"
    (parsed,) = SearchSpace.parse([override]).distributions.values()
    assert parsed == distribution


@pytest.mark.parametrize(("override", "reason"), INVALID.items())
def test_invalid_override_raises(override, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        SearchSpace.parse([override])
    assert str(caught.value).startswith(f"{override}: ")


def test_overrides_of_a_point_are_parsed_into_equal_values():
    """Exactly, so that the best trial can be reproduced."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    space = SearchSpace.parse([text.replace("a", f"k{n}", 1) for n, text in enumerate(GRAMMAR)])
    for _ in range(20):
        params = space.suggest(study.ask())
        for (key, value), override in zip(params.items(), to_overrides(params), strict=True):
            parsed = OverridesParser.create().parse_override(override)
            assert parsed.get_key_element() == key
            if not isinstance(value, str):
                assert parsed.value() == value
                assert type(parsed.value()) is type(value)


def test_json_round_trip_and_differences():
    space = SearchSpace.parse(GRAMMAR)
    assert SearchSpace.from_json(space.to_json()) == space
    assert space_differences(space.to_json(), space.to_json()) == []
    before = SearchSpace.parse(["a=1,2", "b=1,2"]).to_json()
    now = SearchSpace.parse(["b=1,2", "a=1,3", "c=range(0,2)"]).to_json()
    assert space_differences(before, now) == [
        "a was choice(1, 2), is choice(1, 3)",
        "c was not searched, is range(0, 2)",
    ]


@pytest.mark.parametrize(
    ("override", "value", "expected"),
    [
        ("a=interval(0,1)", 2.0, FloatDistribution(0, 2)),
        ("a=tag(log,interval(1e-3,1))", 1e-4, FloatDistribution(1e-4, 1, log=True)),
        ("a=range(3,7)", 8, IntDistribution(3, 8)),
        ("a=1,2", 3, CategoricalDistribution([1, 2, 3])),
        ("a=1,2", 2, CategoricalDistribution([1, 2])),
    ],
)
def test_space_is_widened_to_include_a_value(override, value, expected):
    widened = SearchSpace.parse([override]).widened_to({"a": value})
    (distribution,) = widened.distributions.values()
    assert distribution == expected
    assert contains(distribution, value)


@pytest.mark.parametrize(
    ("override", "value"),
    [("a=tag(log,interval(1,2))", 0.0), ("a=range(0,9,2)", 3), ("a=range(3,7)", 3.5)],
)
def test_space_that_cannot_include_a_value_is_unchanged(override, value):
    space = SearchSpace.parse([override])
    assert space.widened_to({"a": value}) == space


def test_grid_has_every_combination_once():
    points = list(SearchSpace.parse(["a=1,2", "b=range(0,1,0.5)", "c=range(1,4)"]).grid())
    assert len(points) == len({tuple(point.values()) for point in points}) == 12
    assert {point["b"] for point in points} == {0.0, 0.5}
    with pytest.raises(ValueError, match=r"sampler=grid .*a=interval\(0.0, 1.0\)"):
        list(SearchSpace.parse(["a=interval(0,1)"]).grid())
