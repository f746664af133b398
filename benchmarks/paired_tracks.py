"""Knobs of several tracks found from tracks and finished mix (`paired`), on real songs.

    AI_MIXER_MUSIC=/my/music python benchmarks/paired_tracks.py --songs 4 --records paired.csv

Excerpts of 5 s of the test songs of each fold of `data=tracks`, with random strips and buses
(`task=remix`). The fit of `multitrack_refined` starts from neutral knobs with an uncertainty of a
quarter of their travel: nothing is trained. Knob skill is 1 − error / error of the mean knobs by
role of the other folds, with 95 % intervals over songs. `audible`: gains of the EQ of which 1 dB
changes the mix by −50 dB of its power or more. bound: skill from the standard deviation of each
knob at the true knobs with a noise of −80 dB, the accuracy of the examples. Records of songs that
are in the file already are kept, so that a run can be continued; --table only prints the tables.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.console import ConsoleGraph, load_console
from ai_mixer.core.track_batch import TrackBatch, TrackExample
from ai_mixer.core.types import Prediction, Song
from ai_mixer.data.tracks import Tracks
from ai_mixer.metrics.statistics import bootstrap_means, nan_mean, song_means
from ai_mixer.metrics.tables import to_markdown
from ai_mixer.models.track_features import TrackFeatureExtractor
from ai_mixer.models.track_fit import FIXED
from ai_mixer.models.track_fit_descent import INDEPENDENT
from ai_mixer.models.track_fit_problem import MixProblem, Point
from ai_mixer.models.track_refinement import PRIOR_STD, refine_batch
from ai_mixer.tasks.remix import Remix
from ai_mixer.utils.progress import progress_bar

RATE, EXCERPT_S, FOLDS = 44_100, 5.0, 5
GAINS = ("low_shelf_db", "peak1_db", "peak2_db", "high_shelf_db")
AUDIBLE_DB, EXAMPLE_NOISE_DB = -50.0, -80.0
MEAN_ABSOLUTE = (2.0 / np.pi) ** 0.5  # of a normal variable with standard deviation 1
AUDIBLE = " (audible)"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=4, help="per fold")
    parser.add_argument("--folds", type=int, nargs="*", default=list(range(FOLDS)))
    parser.add_argument("--records", type=Path, default=Path("paired_tracks.csv"))
    parser.add_argument(
        "--table", nargs="*", type=Path, help="only print the tables of these files"
    )
    arguments = parser.parse_args()
    if arguments.table is None:
        measure(arguments.folds, arguments.songs, arguments.records)
    files = arguments.table or [arguments.records]
    records = pd.concat([pd.read_csv(file) for file in files]).drop_duplicates()
    songs = records["song"].nunique()
    print(f"{songs} songs, {records.groupby(['song', 'track']).ngroups} tracks\n")
    print(to_markdown(results(records)))
    seconds = records.groupby("song")["seconds"].first()
    print(f"\nprocessor time per song, s: median {seconds.median():.0f}, max {seconds.max():.0f}")
    print("remainder, dB:", *records.groupby("song")["residual_db"].first().round(0).tolist())


def measure(folds: list[int], songs: int, file: Path) -> None:
    """Append the records of songs that the file does not have."""
    console, features = load_console("studio"), TrackFeatureExtractor(RATE)
    assert isinstance(console, ConsoleGraph)
    for fold, song in progress_bar(list(_songs(folds, songs)), "fitting"):
        known = pd.read_csv(file)["song"].tolist() if file.exists() else []
        if song.id in known:
            continue
        example = _example(console, song, fold)
        if example is None:
            continue
        rows = _records(console, features, example)
        table = pd.DataFrame(rows).assign(song=song.id, fold=fold)
        table.to_csv(file, mode="a", index=False, header=not file.exists())


def _songs(folds: list[int], count: int) -> Iterator[tuple[int, Song]]:
    """Test songs of each fold, drawn at random, fold by fold in turn."""
    drawn = []
    for fold in folds:
        own = [song for song in Tracks(fold=fold).track_songs() if song.split == "test"]
        order = np.random.default_rng(fold).permutation(len(own))[:count]
        drawn.append([(fold, own[n]) for n in order])
    for number in range(count):
        yield from (own[number] for own in drawn if number < len(own))


def _example(console: ConsoleGraph, song: Song, fold: int) -> TrackExample | None:
    rng = np.random.default_rng([fold, len(song.tracks)])
    length_s = min(EXCERPT_S, song.duration_s)
    start_s = rng.uniform(0.0, song.duration_s - length_s)
    stems = [read_excerpt(track.path, start_s, length_s, RATE) for track in song.tracks]
    roles = torch.tensor([track.role_index for track in song.tracks])
    task, audio = Remix(console, "paired"), torch.stack(stems)
    try:
        example = task(audio, roles, lambda: audio, sample_rate=RATE, rng=rng)
    except ValueError:  # silent
        return None
    example.song_id = song.id
    return example


def _records(
    console: ConsoleGraph, features: TrackFeatureExtractor, example: TrackExample
) -> list[dict[str, Any]]:
    """A record for each knob of each track that has a target."""
    batch = TrackBatch.collate([example])
    neutral = console.neutral(len(example.tracks)).flat()
    start = Prediction(neutral, torch.full_like(neutral, PRIOR_STD))
    before = time.process_time()
    fitted = refine_batch(console, features, batch, start)
    seconds = time.process_time() - before
    layout = console.layout
    true, found, mask = (layout.from_flat(x) for x in (batch.knobs, fitted.knobs, batch.mask))
    problem = MixProblem(console, example.tracks, example.finished, RATE)
    point = Point(true.strips[0].double(), true.buses[0].double())
    at = Point(found.strips[0].double(), found.buses[0].double())
    rest = problem.target - problem.render(at).rows
    residual_db = 10.0 * float((rest.square().mean() / problem.target.square().mean()).log10())
    certain, audible = _bounds(console, problem, point)
    return [
        {
            "track": track,
            "role": int(example.roles[track]),
            "knob": name,
            "true": float(true.strips[0, track, column]),
            "neutral": float(neutral[0, column]),
            "fitted": float(found.strips[0, track, column]),
            "bound_error": float(certain[track, column]),
            "audible": bool(audible[track, column]),
            "seconds": seconds,
            "residual_db": residual_db,
        }
        for track in range(len(example.tracks))
        for column, name in enumerate(console.names)
        if mask.strips[0, track, column]
    ]


def _bounds(console: ConsoleGraph, problem: MixProblem, point: Point) -> tuple[Any, Any]:
    """Expected error of each knob with noise at the accuracy of the examples; gains are audible."""
    names = console.names
    strips = torch.tensor([name not in FIXED for name in names]).repeat(len(point.strips), 1)
    free = Point(strips, torch.ones_like(point.buses, dtype=torch.bool))
    rendered = problem.render(point)
    slopes = problem.jacobian(point, rendered, free)
    power = float(problem.target.square().mean())
    weight = INDEPENDENT / (power * 10.0 ** (EXAMPLE_NOISE_DB / 10.0))
    precision = torch.full((len(slopes),), PRIOR_STD**-2, dtype=torch.float64)
    curvature = weight * (slopes @ slopes.T).double() + torch.diag(precision)
    std = torch.linalg.inv(curvature).diagonal().clamp_min(0.0).sqrt()
    zeros = Point(torch.zeros_like(point.strips), torch.zeros_like(point.buses))
    error = zeros.replace(free, MEAN_ABSOLUTE * std).strips
    audible = torch.ones_like(error, dtype=torch.bool)
    per_db = 10.0 * (slopes.square().mean(1) / power + 1e-20).log10().double()
    changes_db = zeros.replace(free, per_db).strips
    for column, name in enumerate(names):
        if name in GAINS:
            knob = console.layout.strip[column]
            db = changes_db[:, column] - 20.0 * np.log10(knob.high - knob.low)
            audible[:, column] = db >= AUDIBLE_DB
    return error, audible


def results(records: pd.DataFrame) -> pd.DataFrame:
    """Skill of each knob, its interval over songs, bound and floor."""
    records = records.assign(mean=_means(records))
    rows = {}
    audible = records[records["knob"].isin(GAINS) & records["audible"]]
    parts = [*records.groupby("knob", sort=False)]
    parts += [(name + AUDIBLE, own) for name, own in audible.groupby("knob", sort=False)]
    parts += [("all four gains", records[records["knob"].isin(GAINS)])]
    parts += [("all four gains" + AUDIBLE, audible)]
    for name, own in parts:
        songs, true = own["song"].to_numpy(), own["true"].to_numpy()
        errors = {
            system: np.abs(own[system].to_numpy() - true)
            for system in ("mean", "neutral", "fitted")
        }
        errors["bound"] = np.minimum(own["bound_error"].to_numpy(), errors["mean"])
        value = {system: float(error.mean()) for system, error in errors.items()}
        draws = {
            system: bootstrap_means(song_means(errors[system][:, None], songs))
            for system in ("mean", "fitted")
        }
        ratio = 1.0 - nan_mean(draws["fitted"], 1) / nan_mean(draws["mean"], 1)
        low, high = np.nanquantile(ratio, [0.025, 0.975])
        rows[name] = {
            "targets": len(own),
            "neutral": 1.0 - value["neutral"] / value["mean"],
            "fitted": 1.0 - value["fitted"] / value["mean"],
            "low": low,
            "high": high,
            "exact": float((errors["fitted"] < 0.01).mean()),
            "bound": 1.0 - value["bound"] / value["mean"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("knob")


def _means(records: pd.DataFrame) -> np.ndarray:
    """Mean of each knob by role in the other folds; over all roles where a role is new."""
    values = np.full(len(records), np.nan)
    for fold in records["fold"].unique():
        own = (records["fold"] == fold).to_numpy()
        others = records[~own] if (~own).any() else records
        by_role = others.groupby(["knob", "role"])["true"].mean()
        by_knob = others.groupby("knob")["true"].mean()
        mine = records[own]
        keys = pd.MultiIndex.from_frame(mine[["knob", "role"]])
        known = by_role.reindex(keys).to_numpy()
        values[own] = np.where(np.isnan(known), by_knob.reindex(mine["knob"]).to_numpy(), known)
    return values


if __name__ == "__main__":
    main()
