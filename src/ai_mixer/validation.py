"""Knob skill while training: protocol K in small, once per validation."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ai_mixer.metrics.knobs import GAINS, HEADLINE, knob_errors, skill
from ai_mixer.processes import total
from ai_mixer.types import CONDITIONS, Batch, Knob


class SkillMeter:
    """Adds up knob errors of the model and of the mean knobs; gives the headline skill."""

    def __init__(self, knobs: Sequence[Knob]) -> None:
        self.knobs = knobs
        names = {knob.name for knob in knobs}
        names |= {"total_gain"} if names & set(GAINS) else set()
        self.columns = [f"error/{name}" for name in HEADLINE if name in names]
        self.reset()

    def reset(self) -> None:
        """Forget what was added up."""
        # [conditions, 3, K]: errors of the model, errors of the mean knobs, how many.
        self._sums = torch.zeros(len(CONDITIONS), 3, len(self.columns), dtype=torch.float64)

    def update(self, batch: Batch, knobs: Tensor, mean_knobs: Tensor) -> None:
        """knobs: [B, P] predicted positions; mean_knobs: [P] the floor."""
        floor = mean_knobs.to(knobs).expand_as(knobs)
        errors = [self._headline(predicted, batch) for predicted in (knobs, floor)]
        counts = errors[0].isfinite()
        rows = torch.stack([*(e.nan_to_num() for e in errors), counts.double()], dim=1)
        self._sums.index_add_(0, batch.condition.cpu(), rows)

    def compute(self) -> dict[str, float]:
        """`skill`, the mean over the conditions met, and `skill_<condition>`; then forget.

        Each is the mean over the headline knobs of 1 − MAE / MAE of the mean knobs, over what all
        processes of a distributed training have seen.
        """
        sums = total(self._sums).numpy()
        self.reset()
        skills = {}
        for name, (errors, floor, count) in zip(CONDITIONS, sums, strict=True):
            seen = np.where(count > 0, count, np.nan)
            per_knob = skill(errors / seen, floor / seen)
            if not np.isnan(per_knob).all():
                skills[f"skill_{name}"] = float(np.nanmean(per_knob))
        return {"skill": float(np.mean(list(skills.values()))), **skills} if skills else {}

    def _headline(self, knobs: Tensor, batch: Batch) -> Tensor:
        """[B, K], NaN where a knob does not count."""
        errors = knob_errors(self.knobs, knobs, batch.knobs, batch.mask)
        return torch.stack([errors[name].double().cpu() for name in self.columns], dim=-1)
