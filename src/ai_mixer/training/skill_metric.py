"""Knob skill while training: protocol K in small, once per validation."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from ai_mixer.core.types import CONDITIONS, Batch, Knob
from ai_mixer.metrics.knob_skill import GAIN_KNOBS, HEADLINE_KNOBS, knob_errors, skill


class KnobSkillMetric(Metric):
    """Sums of knob errors of the model and of the mean knobs; computes the headline skill.

    The sums are reduced over all processes of a distributed training when it is computed.
    """

    full_state_update = False
    sums: Tensor  # [conditions, 3, K]: errors of the model, errors of the mean knobs, how many

    def __init__(self, knobs: Sequence[Knob]) -> None:
        super().__init__()
        self.knobs = knobs
        names = {knob.name for knob in knobs}
        names |= {"total_gain"} if names & set(GAIN_KNOBS) else set()
        self.columns = [f"error/{name}" for name in HEADLINE_KNOBS if name in names]
        zeros = torch.zeros(len(CONDITIONS), 3, len(self.columns), dtype=torch.float64)
        self.add_state("sums", zeros, dist_reduce_fx="sum")

    def update(self, batch: Batch, knobs: Tensor, mean_knobs: Tensor) -> None:
        """knobs: [B, P] predicted positions; mean_knobs: [P] the floor."""
        floor = mean_knobs.to(knobs).expand_as(knobs)
        errors = [self._headline(predicted, batch) for predicted in (knobs, floor)]
        counts = errors[0].isfinite()
        rows = torch.stack([*(e.nan_to_num() for e in errors), counts.double()], dim=1)
        self.sums.index_add_(0, batch.condition, rows)

    def compute(self) -> dict[str, float]:
        """`skill`, the mean over the conditions met, and `skill_<condition>`.

        Each is the mean over the headline knobs of 1 − MAE / MAE of the mean knobs.
        """
        skills = {}
        for name, (errors, floor, count) in zip(CONDITIONS, self.sums.cpu().numpy(), strict=True):
            seen = np.where(count > 0, count, np.nan)
            per_knob = skill(errors / seen, floor / seen)
            if not np.isnan(per_knob).all():
                skills[f"skill_{name}"] = float(np.nanmean(per_knob))
        return {"skill": float(np.mean(list(skills.values()))), **skills} if skills else {}

    def _headline(self, knobs: Tensor, batch: Batch) -> Tensor:
        """[B, K], NaN where a knob does not count."""
        errors = knob_errors(self.knobs, knobs, batch.knobs, batch.mask)
        return torch.stack([errors[name].double() for name in self.columns], dim=-1)
