"""Scores of several models on the same excerpts, and their pairwise differences.

Rough versions and true knobs belong to the first model's console; settings of the other models are
converted to its knobs, without limiting them to its ranges. Skill is relative to the first model's
mean knobs.
"""

from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
import pandas as pd

from ai_mixer.core.types import CONDITIONS
from ai_mixer.data.dataset import SongDataset
from ai_mixer.evaluation.baselines.identity import Identity
from ai_mixer.evaluation.baselines.mean_knobs import MeanKnobs
from ai_mixer.evaluation.baselines.model import CrossConsoleSystem, ModelSystem
from ai_mixer.evaluation.evaluator import evaluate_systems
from ai_mixer.inference.predictor import Predictor
from ai_mixer.metrics.knob_skill import headline_columns, skill
from ai_mixer.metrics.statistics import (
    CONFIDENCE,
    Estimate,
    bootstrap_means,
    difference_estimate,
    estimate_columns,
    nan_mean,
    song_means,
)
from ai_mixer.metrics.tables import table_a, table_k
from ai_mixer.utils.markdown import HIGH, LOW, SONGS

MEASURES = ("skill", "closeness")
INTERVAL_SUFFIXES = ("", LOW, HIGH, SONGS)


def evaluate_runs(predictors: Mapping[str, Predictor], dataset: SongDataset) -> pd.DataFrame:
    """Return records for `metrics.tables`: one row per excerpt, condition and system.

    dataset: examples of the first predictor's console, with references. Systems are the names in
    `predictors`, `rough` and `mean_knobs`.
    """
    first = next(iter(predictors.values()))
    baselines = {"rough": Identity(), "mean_knobs": MeanKnobs(first)}
    models = {
        name: CrossConsoleSystem(ModelSystem(predictor), first)
        for name, predictor in predictors.items()
    }
    title = f"evaluating {len(predictors)} runs on {len(dataset.songs)} songs"
    return evaluate_systems({**baselines, **models}, CONDITIONS, first.console, dataset, title)[0]


def run_scores(records: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Skill and closeness by condition with 95 % intervals; rows: runs, `mean_knobs`, `rough`.

    Columns `skill blind`, `skill blind_low`, `_high`, `_songs` …; the skill of `rough` and
    `mean_knobs` is NaN.
    """
    audio = table_a(records)
    knobs = {name: table_k(records, name) for name in names}
    rows: dict[str, dict[str, float]] = {}
    for name in [*names, "mean_knobs", "rough"]:
        rows[name] = {}
        for condition, end in product(CONDITIONS, INTERVAL_SUFFIXES):
            key = (condition, "songs" if end == SONGS else f"skill{end}")
            value = knobs[name][key]["headline"] if name in knobs else np.nan
            rows[name][f"skill {condition}{end}"] = float(value)
        for condition, end in product(CONDITIONS, INTERVAL_SUFFIXES):
            column = "songs" if end == SONGS else f"closeness{end}"
            value = audio[column][condition, "all", name]
            rows[name][f"closeness {condition}{end}"] = float(value)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("run")


def pairwise_differences(records: pd.DataFrame, names: list[str], seed: int = 0) -> pd.DataFrame:
    """One row per pair of runs, the first minus the second; columns as `run_scores`.

    Paired: both runs have the same excerpts, and the bootstrap draws songs for both together.
    """
    rows = {}
    for first, second in combinations(names, 2):
        row: dict[str, float] = {}
        for condition in CONDITIONS:
            one, two, mean_knobs, rough = (
                _select_records(records, name, condition)
                for name in (first, second, "mean_knobs", "rough")
            )
            songs = rough["song_id"].to_numpy()
            errors = np.stack([_errors(one), _errors(two), _errors(mean_knobs)], -1)
            estimates = {
                "skill": skill_difference(errors, songs, seed),
                "closeness": difference_estimate(
                    excerpt_closeness(one, rough), excerpt_closeness(two, rough), songs, seed=seed
                ),
            }
            for measure, estimate in estimates.items():
                row |= estimate_columns(f"{measure} {condition}", estimate)
        rows[f"{first} − {second}"] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("pair")
    return table[
        [f"{m} {c}{end}" for m in MEASURES for c in CONDITIONS for end in INTERVAL_SUFFIXES]
    ]


def skill_difference(errors: np.ndarray, songs: np.ndarray, seed: int = 0) -> Estimate:
    """Mean skill over knobs of one model minus that of another, with its 95 % interval.

    errors: [n, K, 3] of the first model, the second and the floor (`mean_knobs`); songs: [n] ids.
    As in `skill_estimates`, an error counts if all three are known. Songs are drawn for all three
    together, so the difficulty of a song cancels.
    """
    errors = np.where(np.isnan(errors).any(-1, keepdims=True), np.nan, errors)
    per_song = song_means(errors, songs)  # [S, K, 3]
    centre, draws = (
        _skill_gap(x) for x in (nan_mean(per_song), bootstrap_means(per_song, seed=seed))
    )
    draws = draws[~np.isnan(draws)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail]) if len(draws) else (np.nan, np.nan)
    counted = int((~np.isnan(per_song)).reshape(len(per_song), -1).any(1).sum())
    return Estimate(float(centre), float(low), float(high), counted)


def closeness_by_song(records: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Mean closeness of each run per song over all conditions, largest difference first."""
    rough = records[records["system"] == "rough"].reset_index(drop=True)
    columns = {}
    for name in names:
        selected = records[records["system"] == name].reset_index(drop=True)
        columns[name] = (
            pd.Series(excerpt_closeness(selected, rough)).groupby(rough["song_id"]).mean()
        )
    table = pd.DataFrame(columns)
    order = (table.max(axis=1) - table.min(axis=1)).sort_values(ascending=False, kind="stable")
    return table.loc[order.index].rename_axis("song")


def _select_records(records: pd.DataFrame, system: str, condition: str) -> pd.DataFrame:
    """One system's records, in the order of the excerpts, which all systems share."""
    selected = records[(records["system"] == system) & (records["condition"] == condition)]
    return selected.reset_index(drop=True)


def _errors(records: pd.DataFrame) -> np.ndarray:
    """Errors of the headline knobs, [n, K]."""
    return records[headline_columns(map(str, records))].to_numpy(float)


def excerpt_closeness(records: pd.DataFrame, rough: pd.DataFrame) -> np.ndarray:
    """1 − d(mix) / d(rough) of each excerpt, [n]."""
    mix, before = (table["stft"].to_numpy(float) for table in (records, rough))
    return 1 - np.divide(mix, before, out=np.full_like(mix, np.nan), where=before > 0)


def _skill_gap(errors: np.ndarray) -> np.ndarray:
    """[…, K, 3] errors of two models and the floor → […] difference of their mean skills."""
    one, two, floor = np.moveaxis(errors, -1, 0)
    return nan_mean(skill(one, floor) - skill(two, floor), -1)
