"""Blind level of tracks: what simple regressions reach on real songs, in folds by source.

    AI_MIXER_MUSIC=/my/music python benchmarks/faders.py
    AI_MIXER_MUSIC=/my/music python benchmarks/faders.py --folds RUN   # also a trained model

The songs are those of `data=tracks`, whose stems carry the balance of their mix. The level of a
track is its loudness relative to the mean over the song's tracks, dB; equal loudness predicts 0.
Each fold is predicted by models of the others. Sung songs of one artist and songs of two tracks are
left out: the former are all sung songs, the latter have one degree of freedom.

Twenty simple features of a track, measured at one loudness: its tone in eight bands, share of all
tracks, width, movement, onsets, level quantiles, crest, RMS, activity. `relative`: also their
difference to the mean over the song's tracks, the role and the number of tracks.
`multitrack_ridge`: the model of that name, its strength chosen on another fold. `trained`: the
models of a cross-validation with the folds of the songs (`cv=5`), as `ai-mixer mix` applies them.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.core.track_batch import TrackBatch, TrackFeatures
from ai_mixer.core.types import Song
from ai_mixer.core.units import db_to_ratio
from ai_mixer.data.tracks import Tracks
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.inference.track_predictor import load_track_model
from ai_mixer.metrics.statistics import difference_estimate, mean_estimate
from ai_mixer.metrics.tables import to_markdown
from ai_mixer.metrics.track_skill import FADER, knob_columns
from ai_mixer.mixing.track_inputs import TrackInput, measured
from ai_mixer.mixing.track_settings import predicted_knobs
from ai_mixer.models.multitrack_ridge import MultitrackRidge
from ai_mixer.models.track_features import OWN_COMPACT, TrackFeatureExtractor
from ai_mixer.models.track_model import N_ROLES
from ai_mixer.tracking import Store
from ai_mixer.tracking.run_lookup import fold_model_folders
from ai_mixer.utils.markdown import HIGH, LOW
from ai_mixer.utils.progress import progress_bar

RATE = 44_100
SUNG = "software-entwicklungskit"
FOLDS = 5
EQUAL, FOREST, FAMILY = "equal_loudness", "forest, simple", "multitrack_ridge"
ALPHAS = (10.0, 30.0, 100.0, 300.0)  # of the family's ridge; chosen on the next fold
LEVEL_RANGE_DB = 80.0  # of a knob that stands for the level


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", help="run of a cross-validation")
    parser.add_argument("--mlruns", default="mlruns")
    options = parser.parse_args()
    folders = fold_model_folders(options.folds, Store(options.mlruns)) if options.folds else {}
    songs = {song.id: (song, fold) for fold in range(FOLDS) for song in _test_songs(fold)}
    chosen = [
        (song, fold)
        for song, fold in songs.values()
        if len(song.tracks) > 2 and not song.id.startswith(SUNG)
    ]
    extractor = TrackFeatureExtractor(RATE)
    parts = [_measure(song, fold, extractor) for song, fold in progress_bar(chosen, "measuring")]
    table = pd.concat(parts, ignore_index=True)
    print(f"{table['song'].nunique()} songs, {len(table)} tracks, {FOLDS} folds by source\n")
    trained = {"trained": trained_levels(chosen, list(folders.values()))} if folders else {}
    print(to_markdown(results(table, trained)))


def trained_levels(songs: list[tuple[Song, int]], folders: list[Path]) -> np.ndarray:
    """Levels of all tracks by the model of the fold that does not know their song, dB."""
    predictors = [load_track_model(folder) for folder in folders]
    levels = []
    for song, fold in progress_bar(songs, "predicting"):
        layout = predictors[fold].console.layout
        knob = next(knob for knob in layout.strip if knob.name == FADER)
        inputs = [measured(TrackInput(AudioFile(t.path), t.role)) for t in song.tracks]
        knobs = predicted_knobs(predictors[fold], inputs, None).flat()[0]
        levels.append(knob.to_physical(knobs[knob_columns(layout, len(inputs))[FADER]]).numpy())
    return np.concatenate(levels)


def _test_songs(fold: int) -> list[Song]:
    return [song for song in Tracks(fold=fold).track_songs() if song.split == "test"]


def _measure(song: Song, fold: int, extractor: TrackFeatureExtractor) -> pd.DataFrame:
    """One row per track: level in dB, role and features."""
    stems = torch.stack(
        [read_excerpt(track.path, 0.0, song.duration_s, RATE) for track in song.tracks]
    )
    loudness = loudness_lufs(stems, RATE)
    tracks = stems * db_to_ratio(-23.0 - loudness)[:, None, None]
    everywhere = torch.ones(1, len(tracks), dtype=torch.bool)
    silence = torch.zeros(1, 2, tracks.shape[-1])
    features = extractor(tracks[None], everywhere, silence, torch.tensor([0]))
    own = features.tracks[0].numpy()
    return pd.DataFrame(
        {
            "song": song.id,
            "fold": fold,
            "role": [track.role_index for track in song.tracks],
            "level_db": (loudness - loudness.mean()).numpy(),
            "features": list(extractor.compact(features.tracks[0])[:, :OWN_COMPACT].numpy()),
            "all_features": list(own),
            "song_features": [features.song[0].numpy()] * len(own),
        }
    )


def results(table: pd.DataFrame, trained: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Mean error in dB of each system, and its gain over equal loudness and the forest.

    trained: further predictions, by name.
    """
    simple = np.stack(table["features"])
    mean = table["song"].map(
        {name: simple[rows].mean(0) for name, rows in table.groupby("song").indices.items()}
    )
    roles = np.eye(N_ROLES)[table["role"].to_numpy() % N_ROLES]
    count = table.groupby("song")["fold"].transform("size").to_numpy()[:, None]
    relative = np.concatenate([simple, simple - np.stack(mean), roles, count], axis=1)
    systems: dict[str, tuple[Callable[[], Any] | None, np.ndarray]] = {
        EQUAL: (None, simple),
        "mean by role": (lambda: Ridge(1e-3), roles),
        "ridge, simple": (lambda: make_pipeline(StandardScaler(), Ridge(10.0)), simple),
        FOREST: (lambda: RandomForestRegressor(300, min_samples_leaf=3, random_state=0), simple),
        "forest, relative": (
            lambda: RandomForestRegressor(300, min_samples_leaf=3, random_state=0),
            relative,
        ),
        "ridge, relative": (lambda: make_pipeline(StandardScaler(), Ridge(10.0)), relative),
        "kernel, relative": (
            lambda: make_pipeline(StandardScaler(), SVR(C=10.0, gamma=0.005, epsilon=0.3)),
            relative,
        ),
    }
    errors = {name: _errors(table, build, x) for name, (build, x) in systems.items()}
    errors[FAMILY] = _centred_errors(table, _family_predictions(table))
    errors |= {name: _centred_errors(table, levels) for name, levels in trained.items()}
    songs = table["song"].to_numpy()
    rows = {}
    for name, error in errors.items():
        row: dict[str, float] = {"tracks_db": float(error.mean())}
        estimates = {
            "songs_db": mean_estimate(error, songs),
            "below equal loudness": difference_estimate(errors[EQUAL], error, songs),
            "below forest, simple": difference_estimate(errors[FOREST], error, songs),
        }
        for title, one in estimates.items():
            row |= {title: one.value, title + LOW: one.low, title + HIGH: one.high}
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _errors(
    table: pd.DataFrame, build: Callable[[], Any] | None, features: np.ndarray
) -> np.ndarray:
    """|Δ level| of each track, dB, after the mean prediction of each song is removed."""
    level, predicted = table["level_db"].to_numpy(), np.zeros(len(table))
    for fold in sorted(table["fold"].unique()) if build else ():
        test = (table["fold"] == fold).to_numpy()
        assert build is not None
        model = build().fit(features[~test], level[~test])
        predicted[test] = model.predict(features[test])
    return _centred_errors(table, predicted)


def _centred_errors(table: pd.DataFrame, predicted: np.ndarray) -> np.ndarray:
    level = table["level_db"].to_numpy()
    centred = predicted - pd.Series(predicted).groupby(table["song"]).transform("mean").to_numpy()
    return np.abs(centred - level)


def _family_predictions(table: pd.DataFrame) -> np.ndarray:
    """Levels in dB by `MultitrackRidge` with all its features, trained without the test fold."""
    predicted = np.zeros(len(table))
    for fold in range(FOLDS):
        rest = table[table["fold"] != fold]
        inner = rest["fold"] == (fold + 1) % FOLDS

        def inner_error(alpha: float, rest: pd.DataFrame = rest, inner: Any = inner) -> float:
            levels = _fitted(rest[~inner], alpha)(rest[inner])
            return float(_centred_errors(rest[inner], levels).mean())

        best = min(ALPHAS, key=inner_error)
        test = (table["fold"] == fold).to_numpy()
        predicted[test] = _fitted(rest, best)(table[test])
    return predicted


def _fitted(table: pd.DataFrame, alpha: float) -> Callable[[pd.DataFrame], np.ndarray]:
    model = MultitrackRidge(1, 1, RATE, alpha)
    model.fit(_batch(song) for _, song in table.groupby("song"))

    def predict(others: pd.DataFrame) -> np.ndarray:
        levels = pd.Series(0.0, index=others.index)
        for _, song in others.groupby("song"):
            positions = model(_batch(song)).knobs[0, :-1].detach().numpy()
            levels[song.index] = (positions - 0.5) * LEVEL_RANGE_DB
        return levels.to_numpy()

    return predict


def _batch(song: pd.DataFrame) -> TrackBatch:
    """A song as a batch of features, with one knob per track: its level."""
    count, nothing = len(song), torch.zeros(1, 2, 0)
    level = 0.5 + torch.tensor(song["level_db"].to_numpy()).float() / LEVEL_RANGE_DB
    features = torch.from_numpy(np.stack(song["all_features"]))[None]
    return TrackBatch(
        rough=nothing,
        finished=nothing,
        reference=nothing,
        condition=torch.tensor([0]),
        knobs=torch.cat([level, torch.zeros(1)])[None],
        mask=torch.cat([torch.ones(count), torch.zeros(1)])[None] > 0,
        genre=torch.tensor([-1]),
        sample_rate=RATE,
        song_id=[str(song["song"].iloc[0])],
        tracks=torch.zeros(1, count, 2, 0),
        track_mask=torch.ones(1, count, dtype=torch.bool),
        roles=torch.tensor(song["role"].to_numpy())[None],
        raw_gain_db=torch.zeros(1, count),
        track_features=TrackFeatures(
            features.float(), torch.from_numpy(song["song_features"].iloc[0])[None].float()
        ),
    )


if __name__ == "__main__":
    main()
