"""Hydra's sweep grammar as distributions, and points of them as words."""

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from ai_mixer.tuning.search_space import (
    SearchSpace,
    contains,
    format_distribution,
    is_sweep_override,
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
REFUSED = {
    "a=5": "nothing to search in",
    "a=range(5,2)": "empty or runs downwards",
    "a=range(5,2,-1)": "runs downwards",
    "a=tag(often,interval(1,2))": "means nothing here",
    "a=tag(log,choice(1,2))": "means nothing here",
    "a=tag(log,interval(0,2))": "low > 0",
    "a=interval(2,1)": "a=interval",
    "a=glob(*)": "nothing to search in",
}


@pytest.mark.parametrize(("word", "values"), GRAMMAR.items())
def test_the_grammar(word, values):
    assert is_sweep_override(word)
    (found,) = SearchSpace.parse([word]).keys.values()
    assert found == values


@pytest.mark.parametrize("values", GRAMMAR.values(), ids=str)
def test_what_is_said_of_a_space_is_its_grammar(values):
    if isinstance(values, FloatDistribution) and values.step:
        pytest.skip("the end of a range is said in floating point")
    (again,) = SearchSpace.parse([f"a={format_distribution(values)}"]).keys.values()
    assert again == values


@pytest.mark.parametrize(("word", "reason"), REFUSED.items())
def test_a_word_that_is_no_space_is_refused_by_name(word, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        SearchSpace.parse([word])
    assert str(caught.value).startswith(f"{word}: ")


def test_a_point_as_words_is_read_as_the_same_values():
    """To the last bit, or the best trial could not be made again."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    space = SearchSpace.parse([word.replace("a", f"k{n}", 1) for n, word in enumerate(GRAMMAR)])
    for _ in range(20):
        params = space.suggest(study.ask())
        for (key, value), word in zip(params.items(), to_overrides(params), strict=True):
            parsed = OverridesParser.create().parse_override(word)
            assert parsed.get_key_element() == key
            if not isinstance(value, str):
                assert parsed.value() == value
                assert type(parsed.value()) is type(value)


def test_plain_text_and_back():
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
    ("word", "value", "wide"),
    [
        ("a=interval(0,1)", 2.0, FloatDistribution(0, 2)),
        ("a=tag(log,interval(1e-3,1))", 1e-4, FloatDistribution(1e-4, 1, log=True)),
        ("a=range(3,7)", 8, IntDistribution(3, 8)),
        ("a=1,2", 3, CategoricalDistribution([1, 2, 3])),
        ("a=1,2", 2, CategoricalDistribution([1, 2])),
    ],
)
def test_a_space_is_widened_to_hold_the_default(word, value, wide):
    (found,) = SearchSpace.parse([word]).widened_to({"a": value}).keys.values()
    assert found == wide
    assert contains(found, value)


@pytest.mark.parametrize(
    ("word", "value"),
    [("a=tag(log,interval(1,2))", 0.0), ("a=range(0,9,2)", 3), ("a=range(3,7)", 3.5)],
)
def test_what_cannot_be_widened_stays(word, value):
    space = SearchSpace.parse([word])
    assert space.widened_to({"a": value}) == space


def test_the_grid_is_every_combination_once():
    points = list(SearchSpace.parse(["a=1,2", "b=range(0,1,0.5)", "c=range(1,4)"]).grid())
    assert len(points) == len({tuple(point.values()) for point in points}) == 12
    assert {point["b"] for point in points} == {0.0, 0.5}
    with pytest.raises(ValueError, match=r"sampler=grid cannot list a=interval\(0.0, 1.0\)"):
        list(SearchSpace.parse(["a=interval(0,1)"]).grid())
