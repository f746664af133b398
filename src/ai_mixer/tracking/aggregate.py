"""Aggregate runs of the same configuration over their seeds: mean and confidence interval.

A configuration is everything about a run except its seed and its names: the params that differ
from the defaults, the tags of its model, and the songs. A cross-validation counts as one run: its
folds are in the mean that it logged.
"""

import json
import math
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ai_mixer.core.metric_names import result_name
from ai_mixer.core.types import CONDITIONS
from ai_mixer.metrics.statistics import fold_interval, reportable
from ai_mixer.tracking.model_files import count_parameters
from ai_mixer.tracking.overrides import publishable, stored_overrides
from ai_mixer.tracking.run_lookup import FOLDS_TAG, SEED_TAG, SEEDS_TAG
from ai_mixer.utils.markdown import HIGH, LOW, SONGS

MEASURES = [f"{name} {condition}" for name in ("skill", "closeness") for condition in CONDITIONS]
FOLDS_COLUMN, SEEDS_COLUMN, SEED_COLUMN = (
    f"tags.{tag}" for tag in (FOLDS_TAG, SEEDS_TAG, SEED_TAG)
)
SETTING_PREFIXES = ("params.", "tags.model.", "tags.resumed.", "tags.data.digest", FOLDS_COLUMN)
NON_SETTING_PREFIXES = (  # no effect on results, or averaged over
    *("params.seed", "params.run_name", "params.experiment_name", "params.loader.workers"),
    *("params.quiet", "params.logger."),
    *("params.group.", "tags.resumed.git."),
)
NON_SETTING_OVERRIDES = (
    *("seed=", "run_name=", "experiment_name="),
    *("paths.", "loader.workers=", "cv=", "quiet=", "seeds=", "logger"),
)


SONGS_COLUMN = f"metrics.{result_name('test', 'songs')}"
ID_DIGITS = 8  # of a run id in tables


class RunTable(NamedTuple):
    """Rows of comparable runs.

    table: a row per configuration; rows of the same songs (`song_set`) are together, best first.
    excluded: run id → reason why it is in no row.
    """

    table: pd.DataFrame
    excluded: dict[str, str]


def aggregate_runs(runs: pd.DataFrame, by: str = "skill blind") -> RunTable:
    """Aggregate the runs of `list_runs` to a row per configuration.

    Columns: `words` (the overrides without seed and names), `songs` (data and the first digits of
    its digest), `runs` (number of seeds or folds), `ids` (first digits of the run ids), MEASURES
    with the ends of their 95 % interval over seeds or folds (Student's t) and the number of test
    songs (the smallest of the runs; NaN if not logged), `weights` (millions), `minutes` and
    `song_set`: results on different songs cannot be compared, so only rows with the same value are
    ranked. by: one of MEASURES, to sort by, highest first. ValueError if it is none of them.
    """
    if by not in MEASURES:
        raise ValueError(f"by={by}: is none of {', '.join(MEASURES)}")
    reasons = {run["run_id"]: _exclusion_reason(run) for _, run in runs.iterrows()}
    included = runs[[not reasons[run_id] for run_id in runs["run_id"]]]
    rows = []
    keys = [_key(run) for run in included.to_dict("records")]
    for _, group in included.groupby(np.array(keys, dtype=object), sort=False):
        seeds = pd.Series([_seed(run) for run in group.to_dict("records")], group.index)
        repeated = seeds.duplicated()  # the first, which is the newest, is used
        reasons |= dict.fromkeys(group["run_id"][repeated], "of the same seed as a newer one")
        rows.append(_row(group[~repeated]))
    columns = ["words", "songs", "runs", "ids"]
    columns += [m + end for m in MEASURES for end in ("", LOW, HIGH, SONGS)]
    table = pd.DataFrame(rows, columns=[*columns, "weights", "minutes", "song_set"])
    table = table.sort_values(by, ascending=False, na_position="last", kind="stable")
    order = {key: number for number, key in enumerate(table["song_set"].unique())}
    table = table.sort_values("song_set", key=lambda keys: keys.map(order), kind="stable")
    excluded = {run_id: reason for run_id, reason in reasons.items() if reason}
    return RunTable(table.reset_index(drop=True), excluded)


def _exclusion_reason(run: pd.Series) -> str:
    """Why a run is excluded; empty if it is not."""
    if isinstance(run["parent"], str) and not isinstance(run.get(SEED_COLUMN), str):
        return "part of another run"
    if isinstance(run.get(SEEDS_COLUMN), str):
        return "mean over the seeds of other runs"
    if run["status"] != "FINISHED":
        return {"RUNNING": "not finished"}.get(run["status"], run["status"].lower())
    values = pd.Series([run.get(metric_name(measure)) for measure in MEASURES], dtype=float)
    return "without tables" if values.isna().all() else ""


def _key(run: Mapping[Any, Any]) -> str:
    """Equal for runs of the same configuration."""
    seed = run.get("params.seed")
    settings = {
        name: value
        for name, value in run.items()
        if name.startswith(SETTING_PREFIXES)
        and not name.startswith(NON_SETTING_PREFIXES)
        and not pd.isna(value)
        and not (name.endswith(".seed") and value == seed)  # interpolated from seed in the config
    }
    # A cross-validation logs no params, so its overrides are compared.
    overrides = shlex.join(_setting_overrides(run)) if FOLDS_COLUMN in settings else ""
    return json.dumps([settings, overrides], sort_keys=True)


def _row(runs: pd.DataFrame) -> dict[str, Any]:
    """Row of one configuration. runs: with different seeds, the newest first."""
    newest = runs.iloc[0].to_dict()
    measured = [runs.get(metric_name(m), pd.Series(np.nan, runs.index)) for m in MEASURES]
    mean, low, high = fold_interval(np.stack(measured, axis=1).astype(float))
    folds = newest.get(FOLDS_COLUMN)
    cross_validated = isinstance(folds, str)
    if cross_validated and len(runs) == 1:
        low, high = (
            np.array([newest.get(metric_name(m, end), np.nan) for m in MEASURES])
            for end in (LOW, HIGH)
        )
    numbers = {
        measure + end: float(value)
        for end, values in (("", mean), (LOW, low), (HIGH, high))
        for measure, value in zip(MEASURES, values, strict=True)
    }
    songs = runs.get(SONGS_COLUMN, pd.Series(np.nan, runs.index)).min()
    if not math.isnan(songs):
        counts = {m + SONGS: songs for m in MEASURES if not math.isnan(numbers[m])}
        shown = reportable(pd.DataFrame([numbers | counts])).iloc[0]
        numbers = {str(name): float(value) for name, value in shown.items()}
    weights = count_parameters(newest["folder"])
    seeds = f"{len(runs)} seeds" if len(runs) > 1 else "" if cross_validated else "1 run"
    return {
        "words": shlex.join(publishable(_setting_overrides(newest))) or "(the defaults)",
        "songs": _songs(newest),
        "ids": " ".join(run_id[:ID_DIGITS] for run_id in runs["run_id"]),
        "song_set": _song_set(newest),
        "runs": " × ".join(filter(None, (seeds, f"{folds} folds" if cross_validated else ""))),
        **numbers,
        "weights": np.nan if weights is None else weights / 1e6,
        "minutes": float(runs["duration_s"].mean()) / 60,
    }


def metric_name(measure: str, end: str = "") -> str:
    """Column of a measure in `list_runs`, or of an end of its interval."""
    name, condition = measure.split()
    return f"metrics.{result_name('test', name + end, condition)}"


def _seed(run: Mapping[Any, Any]) -> str:
    """Seed as logged, or from the overrides (cross-validation), or the default, 0."""
    typed = [text.partition("=")[2] for text in _overrides(run) if text.startswith("seed=")]
    logged = run.get("params.seed")
    return logged if isinstance(logged, str) else (typed or ["0"])[-1]


def _setting_overrides(run: Mapping[Any, Any]) -> list[str]:
    """Overrides that belong to the configuration, sorted."""
    return sorted(text for text in _overrides(run) if not text.startswith(NON_SETTING_OVERRIDES))


def _overrides(run: Mapping[Any, Any]) -> list[str]:
    return stored_overrides(run["folder"], {"command": run.get("tags.command", "")})


def _songs(run: Mapping[Any, Any]) -> str:
    """Option of the group data, and the first digits of the digest of its songs."""
    values = (run.get("params.group.data"), run.get("tags.data.digest"))
    name, digest = (text if isinstance(text, str) else "" for text in values)
    return f"{name} {digest[:4]}".strip() or "–"


def _song_set(run: Mapping[Any, Any]) -> str:
    """Equal for runs on the same songs: the digest, or for old runs the overrides of the data."""
    digest = run.get("tags.data.digest")
    if isinstance(digest, str):
        return digest
    return shlex.join(text for text in _setting_overrides(run) if text.startswith("data"))
