"""Does a spread keep its word? 80 % of the true knobs should lie within its 80 % interval."""

import math
from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from ai_mixer.metrics.statistics import Estimate, mean_estimate, nan_mean

INTERVAL_SHARE = 0.8
HALF_WIDTH = -math.log(
    1.0 - INTERVAL_SHARE
)  # of the interval, in spreads: errors are taken for Laplace's
INSIDE_PREFIX = "inside/"


@torch.no_grad()
def inside_interval(
    names: Sequence[str], predicted: Tensor, uncertainty: Tensor, true: Tensor, mask: Tensor
) -> dict[str, Tensor]:
    """Columns of a record: `inside_interval/<knob>`, 1 if the true position lies in the interval, else 0.

    All [B, P]; [B] each. NaN where masked, or where the spread is unknown (NaN).
    """
    kept = ((predicted - true).abs() <= HALF_WIDTH * uncertainty).double()
    kept = kept.masked_fill(~mask | uncertainty.isnan(), math.nan)
    return {
        INSIDE_PREFIX + name: column for name, column in zip(names, kept.unbind(-1), strict=True)
    }


def coverage(records: pd.DataFrame) -> Estimate | None:
    """Share of all knobs that count that lie inside, over songs; None if no spread was said."""
    columns = [name for name in records if str(name).startswith(INSIDE_PREFIX)]
    values = records[columns].to_numpy(float)
    if not columns or pd.isna(values).all():
        return None
    return mean_estimate(nan_mean(values, axis=1), records["song_id"].to_numpy())
