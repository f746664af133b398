"""Coverage: the share of the truth that lies where it was said to lie."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from ai_mixer.metrics.coverage import HALF_WIDTH, INTERVAL_SHARE, coverage, inside_interval


def test_laplace_errors_are_covered_as_claimed():
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(100_000, 1, generator=generator, dtype=torch.float64) - 0.5
    error = -0.1 * uniform.sign() * torch.log1p(-2 * uniform.abs())
    mask, uncertainty = torch.ones_like(error, dtype=torch.bool), torch.full_like(error, 0.1)
    kept = inside_interval(["level"], error, uncertainty, torch.zeros_like(error), mask)[
        "inside/level"
    ]
    assert kept.mean().item() == pytest.approx(INTERVAL_SHARE, abs=0.005)


def test_what_does_not_count_is_left_out():
    uncertainty = torch.tensor([[0.1, math.nan, 0.1]])
    mask = torch.tensor([[True, True, False]])
    knobs, true = torch.full((1, 3), 0.5), torch.full((1, 3), 0.5 + 0.99 * 0.1 * HALF_WIDTH)
    kept = inside_interval(list("abc"), knobs, uncertainty, true, mask)
    assert [column.item() for column in kept.values()] == pytest.approx(
        [1.0, math.nan, math.nan], nan_ok=True
    )
    assert (
        inside_interval(list("abc"), knobs, uncertainty / 2, true, mask)["inside/a"].item() == 0.0
    )


def test_songs_weigh_alike():
    """Song a is inside in two of two, b in none of six: half."""
    records = pd.DataFrame({"song_id": ["a"] * 2 + ["b"] * 6, "inside/x": [1.0] * 2 + [0.0] * 6})
    records["inside/y"] = np.nan
    assert coverage(records).value == 0.5
    assert coverage(records.assign(**{"inside/x": np.nan})) is None
    assert coverage(records[["song_id"]]) is None
