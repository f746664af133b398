"""Training of models of several tracks: the same steps, with knobs per track."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from ai_mixer.console import Console, ConsoleGraph
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import Batch, Prediction
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.metrics.track_skill import knob_columns
from ai_mixer.models.track_model import N_ROLES, ClosedFormTrackModel, TrackModel, role_index
from ai_mixer.training.system import MixSystem, expand_conditions
from ai_mixer.training.track_skill import TrackSkillMetric

MIN_MOVE = 1e-5  # of the mean of a knob from neutral; less is rounding
PREPARED_BATCHES = 16  # that a model is prepared with, where each has to be made


class TrackSystem(MixSystem):
    """`MixSystem` of several tracks.

    The knobs of a batch are flat (`core.track_batch`). The baseline has a mean for each role and
    knob of the strip, then one for each knob of buses and master: S = roles · Ps + R means.
    """

    def check_console(self, console: Console | ConsoleGraph) -> ConsoleGraph:
        """The console. ValueError in one line if it is one for one file."""
        if not isinstance(console, ConsoleGraph):
            raise ValueError("task=remix mixes several tracks: use console=studio")
        return console

    @property
    def neutral_means(self) -> Tensor:
        """Neutral positions for each mean, [S]."""
        neutral = self.console.neutral(N_ROLES)
        return neutral.flat()[0]

    def skill_metric(self) -> TrackSkillMetric:
        """The metric of the validation."""
        return TrackSkillMetric(self.console.layout)

    def forward(self, batch: Batch) -> Prediction:
        """Predict the flat knobs of a batch."""
        prediction: Prediction = self.model(batch)
        return prediction

    def render(self, batch: Batch, knobs: Tensor) -> Tensor:
        """Render the mix [B, 2, T] of the tracks; masked knobs are neutral."""
        assert isinstance(batch, TrackBatch)
        neutral = self.neutral_means.to(knobs)[self.slots(batch)]
        applied = torch.where(batch.mask | batch.unlabelled, knobs, neutral)
        layout = self.console.layout.from_flat(applied)
        mix: Tensor = self.console(batch.tracks, batch.sample_rate, layout, batch.track_mask)
        return mix

    def slots(self, batch: Batch) -> Tensor:
        """Which of the S means belongs to each flat knob, [B, P]."""
        assert isinstance(batch, TrackBatch)
        return knob_slots(batch.roles, len(self.console.layout.strip), batch.knobs.shape[1])

    def knob_groups(self, batch: Batch) -> list[tuple[str, Tensor]]:
        """Names of knobs, with their columns for all tracks."""
        assert isinstance(batch, TrackBatch)
        return list(knob_columns(self.console.layout, batch.tracks.shape[1]).items())

    def describe_knobs(self) -> dict[str, Any]:
        """Entries of model.json: knobs and means of the strip by role, of buses and master.

        A knob that was neutral in every example is not a trained one.
        """
        strip, means = self.console.layout.strip, self.mean_knobs
        moved = (means - self.neutral_means.to(means)).abs() > MIN_MOVE
        trained = self.trained_knobs & moved
        by_role = trained[: N_ROLES * len(strip)].reshape(N_ROLES, -1).any(0)
        return {
            "knobs": [asdict(knob) for knob in strip],
            "trained": [knob.name for knob, known in zip(strip, by_role, strict=True) if known],
            "tracks": {"mean_knobs": means.tolist(), "trained": trained.tolist()},
        }

    @torch.no_grad()
    def fit_model(self, data: MixDataModule) -> None:
        """Fit a model in closed form to one epoch of training examples; prepare another one."""
        if isinstance(self.model, ClosedFormTrackModel):
            self.model.fit(self._training_batches(data))
        elif isinstance(self.model, TrackModel) and not self.knob_count.any():  # not resumed
            cached = data.feature_config is not None
            batches = self._training_batches(data)
            self.model.prepare(batches if cached else islice(batches, PREPARED_BATCHES))

    def _training_batches(self, data: MixDataModule) -> Iterator[TrackBatch]:
        for batch in data.train_dataloader():
            assert isinstance(batch, TrackBatch)
            yield expand_conditions(batch) if self.all_conditions and batch.has_audio else batch


def knob_slots(roles: Tensor, strip_knobs: int, knobs: int) -> Tensor:
    """Row of a table of means for each flat knob of songs with these roles, [B, N] → [B, knobs].

    The table has the strip knobs of each of N_ROLES roles, then the other knobs.
    """
    songs, tracks = roles.shape
    strip = torch.arange(strip_knobs, device=roles.device)
    per_track = (role_index(roles)[..., None] * strip_knobs + strip).flatten(1)
    others = torch.arange(knobs - tracks * strip_knobs, device=roles.device) + N_ROLES * strip_knobs
    return torch.cat([per_track, others.expand(songs, -1)], 1)
