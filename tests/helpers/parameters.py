"""Parameters of tests."""

import pytest


def first_fast(values, count=1):
    """The parameters, of which only the first `count` are in the fast suite.

    A tuple has a value for each of several arguments.
    """
    values = [value if isinstance(value, tuple) else (value,) for value in values]
    slow = [pytest.param(*value, marks=pytest.mark.slow) for value in values[count:]]
    return [*(pytest.param(*value) for value in values[:count]), *slow]
