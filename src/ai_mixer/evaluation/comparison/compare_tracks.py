"""Compare runs of several tracks: evaluate all on the same excerpts, and mix songs with each."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS, Split
from ai_mixer.data.dataset import SongDataset
from ai_mixer.evaluation.comparison.page import Comparison
from ai_mixer.evaluation.comparison.pairwise import (
    closeness_by_song,
    excerpt_closeness,
    skill_difference,
)
from ai_mixer.evaluation.comparison.runs import ComparedRun, config_differences
from ai_mixer.evaluation.comparison.songs import compared_songs, sample_songs
from ai_mixer.evaluation.holdout_filter import HoldoutSongs
from ai_mixer.evaluation.track_evaluate import TrackEvaluator
from ai_mixer.evaluation.track_render import track_song_samples
from ai_mixer.evaluation.track_results import BASELINE, PREFIX, TrackResults
from ai_mixer.inference.track_predictor import TrackPredictor
from ai_mixer.metrics.statistics import (
    Estimate,
    difference_estimate,
    estimate_columns,
    mean_estimate,
    reportable,
)
from ai_mixer.utils.parallel import parallel_map
from ai_mixer.utils.progress import progress_bar

ROUGH = "rough"  # all tracks equally loud, in the middle


def compare_tracks(
    runs: Sequence[ComparedRun[TrackPredictor]],
    *,
    data: DictConfig | None = None,
    split: Split = "test",
    excerpts_per_song: int = 2,
    songs: int = 6,
    seconds: float = 10.0,
    allow_seen: bool = False,
    seed: int = 0,
) -> Comparison:
    """Evaluate all runs on the same excerpts, and mix `songs` songs with each.

    Arguments as for `compare`. The rough version has all tracks equally loud. ValueError if no song
    is left, or if the consoles differ: true knobs are those of one console.
    """
    first = runs[0].predictor
    for run in runs[1:]:
        if run.predictor.console.layout.names(1) != first.console.layout.names(1):
            raise ValueError(f"{run.title} has another console than {runs[0].title}")
    dataset, holdout = compared_songs(runs, data, split, excerpts_per_song, allow_seen, seed)
    letters = [run.letter for run in runs]
    records = _evaluate(runs, dataset)
    sounds = records[records["track"] < 0].reset_index(drop=True)
    tables = {
        "standings": reportable(_scores(records, holdout, letters)),
        "differences": reportable(_differences(records, holdout, letters, seed)),
        "songs": closeness_by_song(sounds, letters),
        "settings": config_differences(runs),
    }
    sample_dataset = sample_songs(runs, data, split, seconds, holdout, seed)
    count = min(songs, len(sample_dataset))
    models = {run.version: run.predictor for run in runs}
    samples = [
        track_song_samples(
            models,
            sample_dataset,
            number * len(sample_dataset) // count,
            CONDITIONS[number % len(CONDITIONS)],
        )
        for number in progress_bar(range(count), "mixing songs")
    ]
    distinct = list({sample.name: sample for sample in samples}.values())
    return Comparison(list(runs), records, tables, holdout, distinct)


def _evaluate(runs: Sequence[ComparedRun[TrackPredictor]], dataset: SongDataset) -> pd.DataFrame:
    """Records as of `track_evaluate`; systems are `rough`, `mean_knobs` and the letters."""
    first = runs[0].predictor
    systems = {
        ROUGH: lambda batch: first.console.neutral(batch.tracks.shape[1], len(batch)).flat(),
        BASELINE: lambda batch: first.mean_by_role(batch.roles).flat(),
        **{run.letter: _predict(run.predictor) for run in runs},
    }
    letters = [run.letter for run in runs]
    features = {run.predictor.model.feature_config for run in runs}
    evaluator = TrackEvaluator(
        first, systems, CONDITIONS, True, letters, share_features=len(features) == 1
    )

    def evaluate_excerpt(index: int) -> list[dict[str, Any]]:
        batch = TrackBatch.collate([dataset[0, index]])
        labels = {"song_id": batch.song_id[0], "excerpt": index}
        return [{**labels, **row} for row in evaluator.records(batch)]

    title = f"evaluating {len(runs)} runs on {len(dataset.songs)} songs"
    parts = parallel_map(evaluate_excerpt, range(len(dataset)), title)
    return pd.DataFrame([row for rows in parts for row in rows])


def _predict(predictor: TrackPredictor) -> Any:
    return lambda batch: predictor.predict(batch).knobs


def _scores(records: pd.DataFrame, holdout: HoldoutSongs, names: list[str]) -> pd.DataFrame:
    """Skill and closeness by condition with 95 % intervals, as of `pairwise.run_scores`."""
    results = TrackResults(records, holdout)
    nothing = Estimate(np.nan, np.nan, np.nan, 0)
    rows: dict[str, dict[str, float]] = {}
    for name in [*names, BASELINE, ROUGH]:
        rows[name] = {}
        for condition in CONDITIONS:
            skill = nothing
            if name in names:
                skill = results.skill(name, condition, results.headline_knobs())
            own, rough, songs = _sounds(records, [name, ROUGH], condition)
            closeness = mean_estimate(excerpt_closeness(own, rough), songs)
            rows[name] |= estimate_columns(f"skill {condition}", skill)
            rows[name] |= estimate_columns(f"closeness {condition}", closeness)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("run")


def _differences(
    records: pd.DataFrame, holdout: HoldoutSongs, names: list[str], seed: int
) -> pd.DataFrame:
    """One row per pair of runs, the first minus the second, as of `pairwise_differences`."""
    knobs = [PREFIX + name for name in TrackResults(records, holdout).headline_knobs()]
    rows: dict[str, dict[str, float]] = {}
    for pair in combinations(names, 2):
        row = rows.setdefault(" − ".join(pair), {})
        for condition in CONDITIONS:
            parts = [_select(records, name, condition) for name in (*pair, BASELINE)]
            errors = np.stack([part[knobs].to_numpy(float) for part in parts], -1)
            songs = parts[0]["song_id"].to_numpy()
            row |= estimate_columns(f"skill {condition}", skill_difference(errors, songs, seed))
            one, two, rough, songs = _sounds(records, [*pair, ROUGH], condition)
            closeness = difference_estimate(
                excerpt_closeness(one, rough), excerpt_closeness(two, rough), songs, seed=seed
            )
            row |= estimate_columns(f"closeness {condition}", closeness)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("pair")


def _select(records: pd.DataFrame, system: str, condition: str) -> pd.DataFrame:
    chosen = (records["system"] == system) & (records["condition"] == condition)
    return records[chosen].reset_index(drop=True)


def _sounds(records: pd.DataFrame, systems: Sequence[str], condition: str) -> list[Any]:
    """Records of the whole songs of each system, and the ids of their songs."""
    songs = records[records["track"] < 0]
    parts: list[Any] = [_select(songs, system, condition) for system in systems]
    return [*parts, parts[0]["song_id"].to_numpy()]
