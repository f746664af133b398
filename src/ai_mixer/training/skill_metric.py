"""Knob skill on the validation songs as a metric: the headline of protocol K without intervals."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from ai_mixer.core.knob import Knob
from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.metrics.knob_skill import GAIN_KNOBS, headline_knobs, knob_errors, skill


class KnobSkillMetric(Metric):
    """Headline knob skill per condition, relative to the mean knobs.

    State: sums of the errors of the model and of the mean knobs, reduced over all processes.
    """

    full_state_update = False
    sums: Tensor  # [conditions, 3, K]: errors of the model, errors of the mean knobs, counts

    def __init__(self, knobs: Sequence[Knob]) -> None:
        super().__init__()
        self.knobs = knobs
        names = [knob.name for knob in knobs]
        names += ["total_gain"] if set(names) & set(GAIN_KNOBS) else []
        self.columns = [f"error/{name}" for name in headline_knobs(names)]
        zeros = torch.zeros(len(CONDITIONS), 3, len(self.columns), dtype=torch.float64)
        self.add_state("sums", zeros, dist_reduce_fx="sum")

    def update(self, batch: Batch, knobs: Tensor, mean_knobs: Tensor) -> None:
        """Add a batch. knobs: [B, P] predicted positions; mean_knobs: [1, P], the baseline."""
        baseline = mean_knobs.to(knobs).expand_as(knobs)
        errors = [self._headline_errors(predicted, batch) for predicted in (knobs, baseline)]
        counts = errors[0].isfinite()
        rows = torch.stack([*(e.nan_to_num() for e in errors), counts.double()], dim=1)
        self.sums.index_add_(0, batch.condition, rows)

    def compute(self) -> dict[str, float]:
        """Return `skill_<condition>` of the conditions with examples, and `skill`, their mean.

        Each is the mean over the headline knobs of 1 − MAE / MAE of the mean knobs.
        """
        skills = {}
        for name, sums in zip(CONDITIONS, self.sums.cpu().numpy(), strict=True):
            errors, baseline, count = sums
            count = np.where(count > 0, count, np.nan)
            per_knob = skill(errors / count, baseline / count)
            if not np.isnan(per_knob).all():
                skills[f"skill_{name}"] = float(np.nanmean(per_knob))
        return {"skill": float(np.mean(list(skills.values()))), **skills} if skills else {}

    def _headline_errors(self, knobs: Tensor, batch: Batch) -> Tensor:
        """Errors of the headline knobs [B, K], NaN where masked."""
        errors = knob_errors(self.knobs, knobs, batch.knobs, batch.mask)
        return torch.stack([errors[name].double() for name in self.columns], dim=-1)
