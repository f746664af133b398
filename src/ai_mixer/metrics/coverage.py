"""Coverage of predicted uncertainties: 80 % of the true knobs should lie in the 80 % interval."""

import math
from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from ai_mixer.metrics.statistics import Estimate, mean_estimate, nan_mean

INTERVAL_SHARE = 0.8
# Half width of the interval in units of the uncertainty (mean |error|) of a Laplace distribution.
HALF_WIDTH = -math.log(1.0 - INTERVAL_SHARE)
INSIDE_PREFIX = "inside/"


@torch.no_grad()
def inside_interval(
    names: Sequence[str], predicted: Tensor, uncertainty: Tensor, true: Tensor, mask: Tensor
) -> dict[str, Tensor]:
    """Return the columns `inside/<knob>` of a record: 1 if the interval has the true position.

    predicted, uncertainty, true, mask: [B, P]. Returns [B] each: 0 or 1, NaN where masked or where
    the uncertainty is unknown (NaN).
    """
    inside = ((predicted - true).abs() <= HALF_WIDTH * uncertainty).double()
    inside = inside.masked_fill(~mask | uncertainty.isnan(), math.nan)
    columns = zip(names, inside.unbind(-1), strict=True)
    return {INSIDE_PREFIX + name: column for name, column in columns}


def coverage(records: pd.DataFrame) -> Estimate | None:
    """Return the share of unmasked knobs inside their interval, over songs; None if unknown."""
    columns = [name for name in records if str(name).startswith(INSIDE_PREFIX)]
    values = records[columns].to_numpy(float)
    if not columns or pd.isna(values).all():
        return None
    return mean_estimate(nan_mean(values, axis=1), records["song_id"].to_numpy())
