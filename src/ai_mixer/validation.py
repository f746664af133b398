"""Knob skill while training: protocol K in small, once per validation."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ai_mixer.metrics.knobs import HEADLINE, knob_errors, skill
from ai_mixer.types import CONDITIONS, Batch, Knob


class SkillMeter:
    """Collects knob errors of the model and of the mean knobs; gives the headline skill."""

    def __init__(self, knobs: Sequence[Knob]) -> None:
        self.knobs = knobs
        self.reset()

    def reset(self) -> None:
        """Forget what was collected."""
        self._condition: list[np.ndarray] = []
        self._errors: list[np.ndarray] = []  # [B, K] of the model …
        self._floor: list[np.ndarray] = []  # … and of the mean knobs

    def update(self, batch: Batch, knobs: Tensor, mean_knobs: Tensor) -> None:
        """knobs: [B, P] predicted positions; mean_knobs: [P] the floor."""
        floor = mean_knobs.to(knobs).expand_as(knobs)
        self._condition.append(batch.condition.cpu().numpy())
        self._errors.append(self._headline(knobs, batch))
        self._floor.append(self._headline(floor, batch))

    def compute(self) -> dict[str, float]:
        """`skill`, the mean over the conditions met, and `skill_<condition>`; then forget.

        Each is the mean over the headline knobs of 1 − MAE / MAE of the mean knobs.
        """
        condition = np.concatenate(self._condition)
        errors, floor = np.concatenate(self._errors), np.concatenate(self._floor)
        self.reset()
        skills = {}
        for index, name in enumerate(CONDITIONS):
            met = condition == index
            per_knob = skill(_mean(errors[met]), _mean(floor[met]))
            if not np.isnan(per_knob).all():
                skills[f"skill_{name}"] = float(np.nanmean(per_knob))
        return {"skill": float(np.mean(list(skills.values()))), **skills} if skills else {}

    def _headline(self, knobs: Tensor, batch: Batch) -> np.ndarray:
        errors = knob_errors(self.knobs, knobs, batch.knobs, batch.mask)
        columns = [errors[f"error/{name}"] for name in HEADLINE if f"error/{name}" in errors]
        return torch.stack(columns, dim=-1).cpu().numpy()


def _mean(errors: np.ndarray) -> np.ndarray:
    """Mean over examples, [n, K] → [K]; NaN where a knob never counted."""
    known = ~np.isnan(errors)
    total, count = np.nansum(errors, axis=0), known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
