"""Knob skill on the validation songs of several tracks, as a metric."""

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from ai_mixer.console.graph_knobs import KnobLayout
from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.metrics.knob_skill import skill
from ai_mixer.metrics.track_skill import FADER, headline_track_knobs, knob_columns


class TrackSkillMetric(Metric):
    """Headline knob skill per condition, relative to the mean knobs by role.

    State: sums of the errors of the model and of the mean knobs over all tracks, reduced over all
    processes.
    """

    full_state_update = False
    sums: Tensor  # [conditions, 3, K]: errors of the model, errors of the mean knobs, counts

    def __init__(self, layout: KnobLayout) -> None:
        super().__init__()
        self.layout = layout
        self.names = headline_track_knobs(knob_columns(layout, 1))
        zeros = torch.zeros(len(CONDITIONS), 3, len(self.names), dtype=torch.float64)
        self.add_state("sums", zeros, dist_reduce_fx="sum")

    def update(self, batch: Batch, knobs: Tensor, mean_knobs: Tensor) -> None:
        """Add a batch. knobs, mean_knobs: flat positions [B, P], predicted and of the baseline."""
        fixed = self.layout.bus_knobs + len(self.layout.master)
        tracks = (knobs.shape[1] - fixed) // len(self.layout.strip)
        columns = knob_columns(self.layout, tracks)
        for number, name in enumerate(self.names):
            own = columns[name].to(knobs.device)
            mask, true = batch.mask[:, own], batch.knobs[:, own].double()
            for row, positions in enumerate((knobs, mean_knobs)):
                error = (positions[:, own].double() - true).abs().masked_fill(~mask, 0.0).sum(1)
                self.sums[:, row, number].index_add_(0, batch.condition, error)
            self.sums[:, 2, number].index_add_(0, batch.condition, mask.double().sum(1))

    def compute(self) -> dict[str, float]:
        """Return `skill_<condition>` of the conditions with examples, `skill`, their mean.

        And `fader_error_db_<condition>`, the mean error of the faders.
        """
        skills, errors_db = {}, {}
        fader = self.names.index(FADER) if FADER in self.names else None
        for name, sums in zip(CONDITIONS, self.sums.cpu().numpy(), strict=True):
            errors, baseline, count = sums
            count = np.where(count > 0, count, np.nan)
            per_knob = skill(errors / count, baseline / count)
            if not np.isnan(per_knob).all():
                skills[f"skill_{name}"] = float(np.nanmean(per_knob))
            if fader is not None and count[fader] > 0:
                knob = next(knob for knob in self.layout.strip if knob.name == FADER)
                travel_db = knob.high - knob.low
                errors_db[f"fader_error_db_{name}"] = (
                    float(errors[fader] / count[fader]) * travel_db
                )
        if not skills:
            return {}
        return {"skill": float(np.mean(list(skills.values()))), **skills, **errors_db}
