"""Configs as flat params that differ from the defaults."""

from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.tracking.params import MAX_KEY, MAX_VALUE, differing_params, flatten

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
KEYS = st.sampled_from("abcde")
LEVEL = st.dictionaries(KEYS, PLAIN, max_size=3)
TREES = st.dictionaries(KEYS, PLAIN | LEVEL | st.lists(LEVEL, max_size=2), max_size=4)


@given(TREES)
def test_a_config_does_not_differ_from_itself(config: dict) -> None:
    assert differing_params(config, config) == {}


@given(TREES)
def test_all_leaves_differ_from_an_empty_config(config: dict) -> None:
    assert len(differing_params(config, {})) == (len(dict(flatten(config))) if config else 0)


def test_only_differing_leaves_are_returned() -> None:
    config = {"model": {"width": 64, "kernels": [3, 7]}, "seed": 1, "note": None}
    defaults = {"model": {"width": 32, "kernels": [3, 7]}, "seed": 1}
    assert differing_params(config, defaults) == {"model.width": "64", "note": "None"}


def test_names_and_values_respect_the_limits_of_mlflow() -> None:
    ((name, value),) = differing_params({"k" * 300 + "µ": "v" * 10_000}, {}).items()
    assert len(name) == MAX_KEY
    assert len(value) == MAX_VALUE
    assert value.endswith("config.yaml)")
    assert list(differing_params({"loss/term=[a,b]": 1}, {})) == ["loss/term__a_b_"]
