"""Listening samples of a model of several tracks: equal loudness, mix and finished version."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.knob import Knob
from ai_mixer.core.track import ROLES
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS, GENRES, Condition, Split
from ai_mixer.data.dataset import SongDataset
from ai_mixer.evaluation.holdout_filter import holdout_songs
from ai_mixer.inference.track_predictor import TrackPredictor
from ai_mixer.listening import (
    Mix,
    SongSamples,
    TrackSamples,
    setting_rows,
    write_flac_files,
    write_page,
    write_track_files,
)
from ai_mixer.metrics.distance import distances
from ai_mixer.metrics.track_skill import FADER, PAN
from ai_mixer.training.builders import build_evaluation_datamodule
from ai_mixer.utils.progress import progress_bar


def render_tracks(
    predictor: TrackPredictor,
    folder: Path,
    *,
    title: str = "ai_mixer",
    headline: dict[str, float | str] | None = None,
    split: Split = "test",
    songs: int = 4,
    seconds: float = 10.0,
    seed: int = 0,
) -> Path:
    """Write `folder/index.html` and FLAC files of held-out songs, also of their tracks.

    Returns the page's path. The rough version of a song is the sum of its tracks at equal loudness.
    The condition alternates from song to song.
    """
    loader = {"excerpt_s": seconds, "held_out_per_song": 1, "seed": seed}
    datamodule = build_evaluation_datamodule(
        predictor.config, predictor.console, None, "any", **loader
    )
    dataset = datamodule.dataset(split)
    holdout = holdout_songs(
        dataset.songs, {"model": predictor}, datamodule.metadata_cache,
        own_test="model" if split == "test" else None,
    )  # fmt: skip
    dataset.songs = holdout.songs
    count = min(songs, len(dataset))
    indices = [item * len(dataset) // count for item in range(count)]
    samples = [
        track_song_samples({"mix": predictor}, dataset, index, CONDITIONS[number % len(CONDITIONS)])
        for number, index in progress_bar(list(enumerate(indices)), "rendering songs")
    ]
    for sample in samples:
        write_flac_files(folder, sample)
        write_track_files(folder, sample)
    return write_page(folder / "index.html", holdout.mark(title), samples, headline=headline)


@torch.inference_mode()
def track_song_samples(
    predictors: Mapping[str, TrackPredictor],
    dataset: SongDataset,
    index: int,
    condition: Condition,
) -> SongSamples:
    """One song, mixed by each model, whose consoles are equal; its tracks too if there is one."""
    dataset.task.condition = condition
    predictor = next(iter(predictors.values()))
    batch = TrackBatch.collate([dataset[0, index]])
    layout = predictor.console.layout
    true = layout.from_flat(batch.knobs)
    predicted = {
        name: layout.from_flat(one.predict(batch).knobs) for name, one in predictors.items()
    }
    mixes = {
        name: predictor.console(batch.tracks, batch.sample_rate, knobs, batch.track_mask)
        for name, knobs in predicted.items()
    }
    genre = int(batch.genre)
    versions = {**mixes, "rough": batch.rough}
    metrics = {
        name: {k: float(v) for k, v in distances(x, batch.finished, batch.sample_rate).items()}
        for name, x in versions.items()
    }
    rows = {
        name: setting_rows(*_level_and_pan(predictor, batch, knobs.strips, true.strips))
        for name, knobs in predicted.items()
    }
    only = next(iter(predicted.values())) if len(predicted) == 1 else None
    return SongSamples(
        name=batch.song_id[0],
        sample_rate=batch.sample_rate,
        rough=batch.rough[0].numpy(),
        mixes={name: Mix(mix[0].numpy(), rows[name], metrics[name]) for name, mix in mixes.items()},
        finished=batch.finished[0].numpy(),
        genre=GENRES[genre] if genre >= 0 else None,
        condition=condition,
        rough_metrics=metrics["rough"],
        tracks=track_samples(predictor, batch, only, true) if only else [],
        note="The rough version is the sum of the tracks at equal loudness.",
    )


def track_samples(
    predictor: TrackPredictor, batch: TrackBatch, predicted: GraphKnobs, true: GraphKnobs
) -> list[TrackSamples]:
    """Each track in each version, with what the buses return of it: the sum enters the master."""
    samples = []
    for track, role in enumerate(batch.roles[0].tolist()):
        only = torch.zeros_like(batch.track_mask)
        only[0, track] = True
        versions = {"rough": batch.tracks[0, track].numpy()}
        for name, knobs in (("mix", predicted), ("finished", true)):
            stems = predictor.console.stems(batch.tracks, batch.sample_rate, knobs, only)
            versions[name] = stems.sum()[0].numpy()
        name = _track_name(track, role).capitalize()
        samples.append(TrackSamples(name, versions, ROLES[role] if role >= 0 else None))
    return samples


def _level_and_pan(
    predictor: TrackPredictor, batch: TrackBatch, predicted: Tensor, true: Tensor
) -> tuple[list[Knob], dict[str, float], dict[str, float]]:
    """Knobs of level and pan of every track, with the model's and the true settings."""
    knobs: list[Knob] = []
    values: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for track, role in enumerate(batch.roles[0].tolist()):
        name = _track_name(track, role)
        for column, knob in enumerate(predictor.console.layout.strip):
            if knob.name not in (FADER, PAN):
                continue
            knobs.append(replace(knob, name=f"{name}: {knob.name}"))
            for settings, positions in zip(values, (predicted, true), strict=True):
                settings[knobs[-1].name] = float(knob.to_physical(positions[0, track, column]))
    return knobs, *values


def _track_name(track: int, role: int) -> str:
    """Name of a track by its place and role, −1 for none."""
    return f"track {track + 1}" + (f" ({ROLES[role]})" if role >= 0 else "")
