"""Evaluate a model of several tracks and the baselines on held-out songs.

Every excerpt is drawn once and passed to every system under every condition. A record is one track
of one excerpt under one condition, or the song itself (track −1): knobs of buses, and the sound.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd
import torch
from omegaconf import DictConfig
from torch import Tensor

from ai_mixer.core.track import MAX_TRACKS, ROLES
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS, Condition, Split
from ai_mixer.evaluation.holdout_filter import holdout_songs
from ai_mixer.evaluation.track_results import TrackResults
from ai_mixer.evaluation.track_systems import (
    DEFAULT_SYSTEMS,
    LISTENING,
    TRACK_SYSTEMS,
    WITHOUT_SOUND,
    KnobFunction,
    build_track_systems,
)
from ai_mixer.inference.track_predictor import TrackPredictor
from ai_mixer.metrics.distance import FinishedTarget
from ai_mixer.metrics.track_features_distance import track_features_distance
from ai_mixer.metrics.track_skill import (
    balance_errors_db,
    eq_errors_db,
    fader_errors_db,
    knob_columns,
)
from ai_mixer.training.builders import build_evaluation_datamodule
from ai_mixer.utils.parallel import parallel_map


def evaluate_tracks(
    predictor: TrackPredictor,
    *,
    data: DictConfig | None = None,
    split: Split = "test",
    excerpts_per_song: int = 4,
    condition: Condition | Literal["all"] = "all",
    systems: str | Sequence[str] = DEFAULT_SYSTEMS,
    examples: int = 480,
    allow_seen: bool = False,
    sound: bool = True,
    seed: int = 0,
) -> TrackResults:
    """Evaluate a model on the songs of a split. Deterministic for a given seed.

    systems: names of TRACK_SYSTEMS, or "all". examples: that baselines are fitted to. sound: also
    mix and measure the distance to the finished version. Other arguments as for `evaluate`.
    """
    names = (
        TRACK_SYSTEMS if systems == "all" else [systems] if isinstance(systems, str) else systems
    )
    loader = {
        "held_out_per_song": excerpts_per_song,
        "seed": seed,
        "max_tracks": MAX_TRACKS,  # also more than in training
    }
    datamodule = build_evaluation_datamodule(
        predictor.config, predictor.console, data, "reference", **loader
    )
    dataset = datamodule.dataset(split)
    holdout = holdout_songs(
        dataset.songs,
        {"model": predictor},
        datamodule.metadata_cache,
        own_test="model" if data is None and split == "test" else None,
        allow_seen=allow_seen,
    )
    dataset.songs = holdout.songs
    compared = build_track_systems(predictor, names, examples)
    conditions = CONDITIONS if condition == "all" else (condition,)
    evaluator = TrackEvaluator(predictor, compared, conditions, sound)
    genres = {song.id: song.genre or "unknown" for song in dataset.songs}

    def evaluate_excerpt(index: int) -> list[dict[str, Any]]:
        batch = TrackBatch.collate([dataset[0, index]])
        labels = {"song_id": batch.song_id[0], "genre": genres[batch.song_id[0]], "excerpt": index}
        return [{**labels, **row} for row in evaluator.records(batch)]

    rows: list[dict[str, Any]] = []
    title = holdout.mark(f"evaluating on {split} songs")
    for records in parallel_map(evaluate_excerpt, range(len(dataset)), title):
        rows += records
    max_tracks = predictor.config.loader.get("max_tracks")
    return TrackResults(pd.DataFrame(rows), holdout, max_tracks)


class TrackEvaluator:
    """Compute the records of one excerpt.

    listening: names of the systems that depend on the condition; the others are run once.
    share_features: extract the features of `predictor` once for all systems, which must have the
    same `feature_config`.
    """

    def __init__(
        self,
        predictor: TrackPredictor,
        systems: Mapping[str, KnobFunction],
        conditions: Sequence[Condition],
        sound: bool,
        listening: Collection[str] = LISTENING,
        share_features: bool = True,
    ) -> None:
        self.console, self.features = predictor.console, predictor.model.features
        self.systems = systems
        self.conditions, self.sound, self.listening = conditions, sound, listening
        self.share_features = share_features

    @torch.inference_mode()
    def records(self, batch: TrackBatch) -> list[dict[str, Any]]:
        """One row per condition, system and track, and one for the song. batch: one excerpt."""
        target = FinishedTarget(batch.finished, batch.sample_rate) if self.sound else None
        measured: dict[str, list[dict[str, Any]]] = {}
        rows = []
        for condition in self.conditions:
            given = batch if condition == "reference" else batch.with_condition(condition)
            given = self._with_features(given) if self.share_features else given
            for name, system in self.systems.items():
                if name not in measured or name in self.listening:
                    heard = None if name in WITHOUT_SOUND else target
                    measured[name] = self._measure(given, system(given), heard)
                labels = {"condition": condition, "system": name}
                rows += [labels | row for row in measured[name]]
        return rows

    def _with_features(self, batch: TrackBatch) -> TrackBatch:
        """The batch with the features that all systems use, extracted once."""
        given = batch.tracks, batch.track_mask, batch.reference, batch.condition
        return replace(batch, track_features=self.features(*given))

    def _measure(
        self, batch: TrackBatch, knobs: Tensor, target: FinishedTarget | None
    ) -> list[dict[str, Any]]:
        layout, tracks = self.console.layout, batch.tracks.shape[1]
        errors = (knobs.double() - batch.knobs.double()).abs().masked_fill(~batch.mask, math.nan)[0]
        fader_db = fader_errors_db(layout, knobs, batch.knobs, batch.mask)[0]
        balance_db = balance_errors_db(layout, knobs, batch.knobs, batch.mask)[0]
        parts = [layout.from_flat(x).strips[0] for x in (knobs, batch.knobs, batch.mask)]
        eq_db = eq_errors_db(self.console.strip, parts[0], parts[1], parts[2], batch.sample_rate)
        columns = knob_columns(layout, tracks)
        own = {name for name, where in columns.items() if name in self.console.names}
        rows: list[dict[str, Any]] = []
        for track in range(tracks):
            role = int(batch.roles[0, track])
            row: dict[str, Any] = {
                "track": track,
                "tracks": tracks,
                "role": ROLES[role] if role >= 0 else "unknown",
                "fader_db": float(fader_db[track]),
                "balance_db": float(balance_db[track]),
                "eq_db": float(eq_db[track]),
            }
            row |= {f"error/{name}": float(errors[columns[name][track]]) for name in own}
            rows.append(row)
        song: dict[str, Any] = {"track": -1, "tracks": tracks, "role": "song"}
        others = columns.keys() - own
        song |= {f"error/{name}": float(errors[columns[name][0]]) for name in others}
        if target is not None:
            song |= self._distances(batch, knobs, target)
        return [*rows, song]

    def _distances(
        self, batch: TrackBatch, knobs: Tensor, target: FinishedTarget
    ) -> dict[str, float]:
        """Distances of the mix to the finished version, by two families of measures."""
        graph = self.console.layout.from_flat(knobs)
        mix = self.console(batch.tracks, batch.sample_rate, graph, batch.track_mask, limit=False)
        values = target.distances(mix)
        values |= track_features_distance(mix, batch.finished, batch.sample_rate)
        return {name: float(value) for name, value in values.items()}
