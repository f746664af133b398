"""Runs of one configuration as one row: the mean over their seeds, and how sure we are.

A configuration is what a run was told apart from its seed and its names: the params that differ
from the defaults, what its model really is, and the songs. A cross-validation is one run: its folds
are in the mean that it logged.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ai_mixer.core.types import CONDITIONS
from ai_mixer.metrics.statistics import fold_interval
from ai_mixer.tracking.model_files import count_parameters
from ai_mixer.tracking.overrides import publishable, stored_overrides
from ai_mixer.utils.markdown import HIGH, LOW

MEASURES = [f"{name} {condition}" for name in ("skill", "closeness") for condition in CONDITIONS]
FOLDS_COLUMN = "tags.cv"  # of a cross-validation: how many
SETTING_PREFIXES = ("params.", "tags.model.", "tags.resumed.", "tags.data.digest", FOLDS_COLUMN)
NON_SETTING_PREFIXES = (  # what changes no figure, or is what the mean is over
    *("params.seed", "params.run_name", "params.experiment_name", "params.loader.workers"),
    *("params.group.", "tags.resumed.git."),
)
NON_SETTING_OVERRIDES = (
    "seed=",
    "run_name=",
    "experiment_name=",
    "paths.",
    "loader.workers=",
    "cv=",
)


class RunTable(NamedTuple):
    """table: a row per configuration, best first. left_out: run → why it is in no row."""

    table: pd.DataFrame
    excluded: dict[str, str]


def aggregate_runs(runs: pd.DataFrame, by: str = "skill blind") -> RunTable:
    """The runs of `list_runs`, a row per configuration.

    Columns: `words` (the command line without seed and names), `songs` (data and the first digits
    of its digest), `runs` (how many seeds or folds), MEASURES with the ends of their 95 % interval
    over seeds or folds (Student's t), `weights` (millions) and `minutes`. by: which of MEASURES is
    the best, when highest. ValueError if it is none of them.
    """
    if by not in MEASURES:
        raise ValueError(f"by={by}: is none of {', '.join(MEASURES)}")
    reasons = {run["run_id"]: _exclusion_reason(run) for _, run in runs.iterrows()}
    judged = runs[[not reasons[run_id] for run_id in runs["run_id"]]]
    rows = []
    keys = [_key(run) for run in judged.to_dict("records")]
    for _, alike in judged.groupby(np.array(keys, dtype=object), sort=False):
        seeds = pd.Series([_seed(run) for run in alike.to_dict("records")], alike.index)
        again = seeds.duplicated()  # newest first: that one counts
        reasons |= dict.fromkeys(alike["run_id"][again], "of the same seed as a newer one")
        rows.append(_row(alike[~again]))
    columns = ["words", "songs", "runs", *(m + end for m in MEASURES for end in ("", LOW, HIGH))]
    table = pd.DataFrame(rows, columns=[*columns, "weights", "minutes"])
    table = table.sort_values(by, ascending=False, na_position="last", kind="stable")
    return RunTable(table.reset_index(drop=True), {run: why for run, why in reasons.items() if why})


def _exclusion_reason(run: pd.Series) -> str:
    """Why a run cannot be judged; nothing if it can."""
    if isinstance(run["parent"], str):
        return "part of another run"
    if run["status"] != "FINISHED":
        return {"RUNNING": "not finished"}.get(run["status"], run["status"].lower())
    figures = pd.Series([run.get(_metric(measure)) for measure in MEASURES], dtype=float)
    return "without tables" if figures.isna().all() else ""


def _key(run: Mapping[Any, Any]) -> str:
    """The same text for runs of the same configuration."""
    seed = run.get("params.seed")
    told = {
        name: value
        for name, value in run.items()
        if name.startswith(SETTING_PREFIXES)
        and not name.startswith(NON_SETTING_PREFIXES)
        and not pd.isna(value)
        and not (name.endswith(".seed") and value == seed)  # the config hands it on
    }
    # A cross-validation logs no params: its words must say what it is.
    return json.dumps(
        [told, shlex.join(_overrides_text(run)) if FOLDS_COLUMN in told else ""], sort_keys=True
    )


def _row(runs: pd.DataFrame) -> dict[str, Any]:
    """One configuration: its runs, each with another seed, the newest first."""
    newest = runs.iloc[0].to_dict()
    figures = [runs.get(_metric(m), pd.Series(np.nan, runs.index)) for m in MEASURES]
    mean, low, high = fold_interval(np.stack(figures, axis=1).astype(float))
    folds = newest.get(FOLDS_COLUMN)
    cross_validated = isinstance(folds, str)
    if cross_validated and len(runs) == 1:
        low, high = (
            np.array([newest.get(_metric(m, end), np.nan) for m in MEASURES]) for end in (LOW, HIGH)
        )
    numbers = {
        measure + end: float(value)
        for end, values in (("", mean), (LOW, low), (HIGH, high))
        for measure, value in zip(MEASURES, values, strict=True)
    }
    weights = count_parameters(newest["folder"])
    seeds = f"{len(runs)} seeds" if len(runs) > 1 else "" if cross_validated else "1 run"
    return {
        "words": shlex.join(publishable(_overrides_text(newest))) or "(the defaults)",
        "songs": _songs(newest),
        "runs": " × ".join(filter(None, (seeds, f"{folds} folds" if cross_validated else ""))),
        **numbers,
        "weights": np.nan if weights is None else weights / 1e6,
        "minutes": float(runs["duration_s"].mean()) / 60,
    }


def _metric(measure: str, end: str = "") -> str:
    """What a run calls a measure, or an end of its interval."""
    name, condition = measure.split()
    return f"metrics.test/{name}{end}_{condition}"


def _seed(run: Mapping[Any, Any]) -> str:
    """As logged, or of a cross-validation as it was typed; a default is not logged."""
    typed = [word.partition("=")[2] for word in _overrides(run) if word.startswith("seed=")]
    logged = run.get("params.seed")
    return logged if isinstance(logged, str) else (typed or ["0"])[-1]


def _overrides_text(run: Mapping[Any, Any]) -> list[str]:
    """The overrides, without what is no setting."""
    return sorted(word for word in _overrides(run) if not word.startswith(NON_SETTING_OVERRIDES))


def _overrides(run: Mapping[Any, Any]) -> list[str]:
    return stored_overrides(run["folder"], {"command": run.get("tags.command", "")})


def _songs(run: Mapping[Any, Any]) -> str:
    """Which data, and the beginning of the digest of its songs."""
    found = (run.get("params.group.data"), run.get("tags.data.digest"))
    name, digest = (text if isinstance(text, str) else "" for text in found)
    return f"{name} {digest[:4]}".strip() or "–"
