"""Coverage: the share of true knobs inside their predicted intervals."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from ai_mixer.metrics.coverage import HALF_WIDTH, INTERVAL_SHARE, coverage, inside_interval


def test_coverage_of_laplace_errors_is_nominal():
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(100_000, 1, generator=generator, dtype=torch.float64) - 0.5
    error = -0.1 * uniform.sign() * torch.log1p(-2 * uniform.abs())
    mask, uncertainty = torch.ones_like(error, dtype=torch.bool), torch.full_like(error, 0.1)
    inside = inside_interval(["level"], error, uncertainty, torch.zeros_like(error), mask)[
        "inside/level"
    ]
    assert inside.mean().item() == pytest.approx(INTERVAL_SHARE, abs=0.005)


def test_masked_and_unknown_knobs_are_nan():
    uncertainty = torch.tensor([[0.1, math.nan, 0.1]])
    mask = torch.tensor([[True, True, False]])
    knobs, true = torch.full((1, 3), 0.5), torch.full((1, 3), 0.5 + 0.99 * 0.1 * HALF_WIDTH)
    inside = inside_interval(list("abc"), knobs, uncertainty, true, mask)
    assert [column.item() for column in inside.values()] == pytest.approx(
        [1.0, math.nan, math.nan], nan_ok=True
    )
    assert (
        inside_interval(list("abc"), knobs, uncertainty / 2, true, mask)["inside/a"].item() == 0.0
    )


def test_songs_have_equal_weight():
    """Song a is inside in two of two records, b in none of six: 0.5."""
    records = pd.DataFrame({"song_id": ["a"] * 2 + ["b"] * 6, "inside/x": [1.0] * 2 + [0.0] * 6})
    records["inside/y"] = np.nan
    assert coverage(records).value == 0.5
    assert coverage(records.assign(**{"inside/x": np.nan})) is None
    assert coverage(records[["song_id"]]) is None
