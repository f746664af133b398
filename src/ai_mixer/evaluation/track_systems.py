"""Baselines and bounds of mixing several tracks. All mix with the console, master neutral."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor

from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS, Prediction
from ai_mixer.evaluation.baselines.track_genre_mean import TrackGenreMean
from ai_mixer.evaluation.baselines.track_neighbour import TrackNeighbour
from ai_mixer.evaluation.baselines.track_training_set import TrackTrainingSet
from ai_mixer.evaluation.role_changes import with_wrong_roles, without_roles
from ai_mixer.inference.track_predictor import TrackPredictor
from ai_mixer.metrics.track_skill import FADER
from ai_mixer.models.multitrack_mean import MultitrackMean
from ai_mixer.models.multitrack_ridge import MultitrackRidge
from ai_mixer.models.track_refinement import PRIOR_STD, refine_batch
from ai_mixer.training.builders import build_evaluation_datamodule

KnobFunction = Callable[[TrackBatch], Tensor]
"""A batch → flat positions [B, P]."""

GENERALISATION = ("no_roles", "wrong_roles")
"""The model with the roles of all tracks withheld, or wrong."""

LISTENING = ("nearest_neighbour", "ridge", "model", *GENERALISATION, "refined", "fitted")
"""Systems that answer differently under each condition."""

TRACK_SYSTEMS = (
    *("raw_sum", "equal_loudness", "random", "mean_knobs", "mean_by_genre"),
    *("nearest_neighbour", "ridge", "model", *GENERALISATION, "refined", "fitted", "true_knobs"),
)
WITHOUT_SOUND = ("mean_by_genre", "nearest_neighbour", *GENERALISATION)
"""Systems whose knobs alone are measured: rendering is most of the time of an evaluation."""

SLOW = ("refined", "fitted")  # a fit takes a minute
DEFAULT_SYSTEMS = tuple(name for name in TRACK_SYSTEMS if name not in SLOW)
REQUIRED = ("equal_loudness", "mean_knobs", "model")  # the others are compared with these


def build_track_systems(
    predictor: TrackPredictor, names: Sequence[str], examples: int
) -> dict[str, KnobFunction]:
    """Name → function, in the order of TRACK_SYSTEMS. ValueError for an unknown name.

    examples: number of training examples that baselines are fitted to.
    """
    for name in names:
        if name not in TRACK_SYSTEMS:
            raise ValueError(f"systems: {name!r} is none of {', '.join(TRACK_SYSTEMS)}")
    fitted = _FittedBaselines(predictor, examples)
    functions: Mapping[str, Callable[[], KnobFunction]] = {
        "raw_sum": lambda: lambda batch: _raw_levels(predictor, batch),
        "equal_loudness": lambda: lambda batch: _neutral(predictor, batch).flat(),
        "random": lambda: lambda batch: _random(predictor, batch),
        "mean_knobs": lambda: lambda batch: predictor.mean_by_role(batch.roles).flat(),
        "mean_by_genre": lambda: _of_trained(predictor, fitted.mean_by_genre),
        "nearest_neighbour": lambda: _of_trained(predictor, fitted.nearest_neighbour),
        "ridge": lambda: _of_trained(predictor, fitted.ridge),
        "model": lambda: lambda batch: predictor.predict(batch).knobs,
        "no_roles": lambda: lambda batch: predictor.predict(without_roles(batch)).knobs,
        "wrong_roles": lambda: lambda batch: predictor.predict(with_wrong_roles(batch)).knobs,
        "fitted": lambda: lambda batch: _fitted(predictor, batch),
        "refined": lambda: lambda batch: predictor.refine(batch).knobs,
        "true_knobs": lambda: lambda batch: batch.knobs,
    }
    return {name: functions[name]() for name in TRACK_SYSTEMS if name in {*names, *REQUIRED}}


def _neutral(predictor: TrackPredictor, batch: TrackBatch) -> GraphKnobs:
    """All tracks at one loudness, in the middle."""
    return predictor.console.neutral(batch.tracks.shape[1], len(batch))


def _raw_levels(predictor: TrackPredictor, batch: TrackBatch) -> Tensor:
    """Tracks at their recorded levels."""
    knobs = _neutral(predictor, batch)
    names = predictor.console.names
    fader = predictor.console.layout.strip[names.index(FADER)]
    strips = knobs.strips.clone()
    strips[..., names.index(FADER)] = fader.to_position(batch.raw_gain_db).clamp(0.0, 1.0)
    return knobs._replace(strips=strips).flat()


def _random(predictor: TrackPredictor, batch: TrackBatch) -> Tensor:
    """Uniform positions of the trained knobs; the same for a song under every condition."""
    seed = zlib.crc32(f"{batch.song_id[0]} {float(batch.tracks[0].abs().sum()):.6g}".encode())
    positions = torch.rand(batch.knobs.shape, generator=torch.Generator().manual_seed(seed))
    return _trained_or_neutral(predictor, batch, positions)


def _trained_or_neutral(predictor: TrackPredictor, batch: TrackBatch, positions: Tensor) -> Tensor:
    """Positions of the knobs that had targets in training; the others neutral, as the model's."""
    trained = torch.cat([predictor.trained[0].repeat(batch.tracks.shape[1]), predictor.trained[1]])
    return torch.where(trained, positions, _neutral(predictor, batch).flat())


def _of_trained(predictor: TrackPredictor, system: KnobFunction) -> KnobFunction:
    return lambda batch: _trained_or_neutral(predictor, batch, system(batch))


def _fitted(predictor: TrackPredictor, batch: TrackBatch) -> Tensor:
    """Knobs fitted through the console from neutral ones, without the model (`paired`)."""
    neutral = _neutral(predictor, batch).flat()
    prior = Prediction(neutral, torch.full_like(neutral, PRIOR_STD))
    return refine_batch(predictor.console, predictor.model.features, batch, prior).knobs


class _FittedBaselines:
    """Baselines that are fitted to examples of the training songs of the model, read once."""

    def __init__(self, predictor: TrackPredictor, examples: int) -> None:
        self.predictor, self.examples = predictor, examples
        layout = predictor.console.layout
        songs = layout.bus_knobs + len(layout.master)
        self.sizes = len(layout.strip), songs, predictor.sample_rate

    @cached_property
    def ridge(self) -> KnobFunction:
        """A ridge regression."""
        model = MultitrackRidge(*self.sizes).eval()
        model.fit(self.training_set.batches)

        def predict(batch: TrackBatch) -> Tensor:
            knobs: Tensor = model(batch).knobs
            return knobs

        return predict

    @cached_property
    def nearest_neighbour(self) -> TrackNeighbour:
        """The knobs of the most similar track."""
        return TrackNeighbour(MultitrackRidge(*self.sizes).eval(), self.training_set)

    @cached_property
    def mean_by_genre(self) -> TrackGenreMean:
        """The mean knobs by role and genre."""
        return TrackGenreMean(MultitrackMean(*self.sizes).eval(), self.training_set)

    @cached_property
    def training_set(self) -> TrackTrainingSet:
        """The examples."""
        config = self.predictor.config
        cached = "feature_extractor" in config.loader  # under every condition
        datamodule = build_evaluation_datamodule(
            config,
            self.predictor.console,
            None,
            "any",
            examples_per_epoch=len(CONDITIONS) * self.examples if cached else self.examples,
        )
        datamodule.prepare_data()
        return TrackTrainingSet.read(
            datamodule.train_dataloader(), MultitrackRidge(*self.sizes).eval()
        )
