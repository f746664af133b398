"""Baselines and bounds of mixing several tracks. All mix with the console, master neutral."""

import zlib
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS
from ai_mixer.inference.track_predictor import TrackPredictor
from ai_mixer.metrics.track_skill import FADER
from ai_mixer.models.multitrack_ridge import MultitrackRidge
from ai_mixer.training.builders import build_evaluation_datamodule
from ai_mixer.training.system import expand_conditions

KnobFunction = Callable[[TrackBatch], Tensor]
"""A batch → flat positions [B, P]."""

LISTENING = ("ridge", "model", "refined")
"""Systems that answer differently under each condition."""

TRACK_SYSTEMS = (
    *("raw_sum", "equal_loudness", "random", "mean_knobs", "ridge", "model", "refined"),
    "true_knobs",
)
DEFAULT_SYSTEMS = tuple(name for name in TRACK_SYSTEMS if name != "refined")  # a fit takes a minute
REQUIRED = ("equal_loudness", "mean_knobs", "model")  # the others are compared with these


def build_track_systems(
    predictor: TrackPredictor, names: Sequence[str], examples: int
) -> dict[str, KnobFunction]:
    """Name → function, in the order of TRACK_SYSTEMS. ValueError for an unknown name.

    examples: number of training examples that `ridge` is fitted to.
    """
    for name in names:
        if name not in TRACK_SYSTEMS:
            raise ValueError(f"systems: {name!r} is none of {', '.join(TRACK_SYSTEMS)}")
    functions: Mapping[str, Callable[[], KnobFunction]] = {
        "raw_sum": lambda: lambda batch: _raw_levels(predictor, batch),
        "equal_loudness": lambda: lambda batch: _neutral(predictor, batch).flat(),
        "random": lambda: lambda batch: _random(predictor, batch),
        "mean_knobs": lambda: lambda batch: predictor.mean_by_role(batch.roles).flat(),
        "ridge": lambda: _ridge(predictor, examples),
        "model": lambda: lambda batch: predictor.predict(batch).knobs,
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
    trained = torch.cat([predictor.trained[0].repeat(batch.tracks.shape[1]), predictor.trained[1]])
    return torch.where(trained, positions, _neutral(predictor, batch).flat())


def _ridge(predictor: TrackPredictor, examples: int) -> KnobFunction:
    """A ridge regression, fitted to examples of the training songs of the model."""
    layout = predictor.console.layout
    songs = layout.bus_knobs + len(layout.master)
    model = MultitrackRidge(len(layout.strip), songs, predictor.sample_rate).eval()
    cached = "feature_extractor" in predictor.config.loader  # under every condition
    datamodule = build_evaluation_datamodule(
        predictor.config,
        predictor.console,
        None,
        "any",
        examples_per_epoch=len(CONDITIONS) * examples if cached else examples,
    )
    datamodule.prepare_data()
    loader = datamodule.train_dataloader()
    with torch.no_grad():
        model.fit(expand_conditions(batch) if batch.has_audio else batch for batch in loader)

    def predict(batch: TrackBatch) -> Tensor:
        knobs: Tensor = model(batch).knobs
        return knobs

    return predict
