"""Predict the knobs of several tracks with a trained model."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ai_mixer.config.allowed_targets import check_targets, config_from_card
from ai_mixer.console import ConsoleGraph
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS, Prediction
from ai_mixer.data.excerpt_sampler import excerpt_seconds
from ai_mixer.inference import pretrained
from ai_mixer.inference.builders import build_any_console, build_model
from ai_mixer.inference.predictor import (
    FEATURE_MISMATCH,
    Predictor,
    feature_config_of,
    load_model,
    load_weights,
    model_folder,
)
from ai_mixer.metrics.track_skill import knob_columns
from ai_mixer.models.track_model import N_ROLES, TrackModel, role_index
from ai_mixer.models.track_refinement import refine_batch
from ai_mixer.tracking.model_files import load_model_files

CARD_KEY = pretrained.TRACKS_KEY


class TrackPredictor:
    """A trained model of several tracks with its `console`.

    card: contents of model.json. Knobs without a target in training stay at neutral. folder: of the
    model's files.
    """

    def __init__(
        self,
        model: nn.Module,
        console: ConsoleGraph,
        card: dict[str, Any],
        allow_targets: Sequence[str] = (),
        folder: Path | None = None,
    ) -> None:
        assert isinstance(model, TrackModel)
        self.model, self.console, self.card, self.folder = model.eval(), console, card, folder
        self.config = config_from_card(card["config"], allow_targets)
        self.sample_rate: int = self.config.loader.sample_rate
        self.excerpt_s = excerpt_seconds(self.config.loader.excerpt_s)
        known = card[CARD_KEY]
        self.mean_knobs = torch.tensor(known["mean_knobs"])
        trained = torch.tensor(known["trained"])
        strips, others = self._divide(trained)
        self.trained = strips.any(0), others  # of any role: [Ps], [R]
        self.calibration: Mapping[str, Mapping[str, float]] = card.get("calibration") or {}

    @torch.no_grad()
    def predict(self, batch: TrackBatch) -> Prediction:
        """Flat positions and uncertainties of a batch; knobs without a target at neutral."""
        prediction: Prediction = self.model(batch)
        tracks = batch.tracks.shape[1]
        neutral = self.console.neutral(tracks).flat()
        trained = torch.cat([self.trained[0].repeat(tracks), self.trained[1]])
        knobs = torch.where(trained, prediction.knobs, neutral)
        if prediction.uncertainty is None:
            return Prediction(knobs)
        return Prediction(knobs, prediction.uncertainty * self._factors(batch))

    def refine(self, batch: TrackBatch) -> Prediction:
        """As `predict`, refined with the finished mix under `paired` (`track_refinement`)."""
        return refine_batch(self.console, self.model.features, batch, self.predict(batch))

    def mean_by_role(self, roles: Tensor) -> GraphKnobs:
        """The mean knobs of the training, for songs with tracks of these roles, [B, N]."""
        strips, others = self._divide(self.mean_knobs)
        layout = self.console.layout
        buses, master = torch.split(others, [layout.bus_knobs, len(layout.master)])
        songs = len(roles)
        return GraphKnobs(
            strips[role_index(roles)], buses.expand(songs, -1), master.expand(songs, -1)
        )

    def _divide(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """Means [S] as those of strips by role, [roles, Ps], and of buses and master, [R]."""
        size = N_ROLES * len(self.console.layout.strip)
        return table[:size].reshape(N_ROLES, -1), table[size:]

    def _factors(self, batch: TrackBatch) -> Tensor:
        """Factors of the calibration on each flat uncertainty, [B, P]; 1 where it is unknown."""
        factors = torch.ones_like(batch.knobs)
        columns = knob_columns(self.console.layout, batch.tracks.shape[1])
        for number, condition in enumerate(CONDITIONS):
            rows = (batch.condition == number).nonzero()
            for name, factor in self.calibration.get(condition, {}).items():
                if name in columns and math.isfinite(factor):
                    factors[rows, columns[name]] = factor
        return factors


def load_track_model(
    where: str | Path = "last", allow_targets: Sequence[str] = ()
) -> TrackPredictor:
    """Load a model of several tracks: a packaged one by name, a run ("last", an id) or a folder.

    FileNotFoundError if there is none; ValueError if it is a model of one stereo file.
    """
    folder = model_folder(where)
    weights, card = load_model_files(folder)
    if CARD_KEY not in card:
        raise ValueError(f"{where}: a model of one stereo file: train one with task=remix")
    cfg = config_from_card(card["config"], allow_targets)
    check_targets(cfg, allow_targets)
    console = build_any_console(cfg)
    assert isinstance(console, ConsoleGraph)
    model = build_model(cfg, console)
    if card.get("ears") not in (None, feature_config_of(model)):
        raise ValueError(f"{where}: {FEATURE_MISMATCH}")
    load_weights(model, weights, where)
    return TrackPredictor(model, console, card, allow_targets, folder)


def load_any_model(
    where: str | Path, allow_targets: Sequence[str] = ()
) -> Predictor | TrackPredictor:
    """Load a model of one stereo file or of several tracks; errors as those of both."""
    load = load_track_model if is_track_model(where) else load_model
    return load(where, allow_targets)


def is_track_model(where: str | Path) -> bool:
    """Whether a run or folder holds a model of several tracks."""
    return CARD_KEY in load_model_files(model_folder(where))[1]
