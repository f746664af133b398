"""The leaderboard page (docs/leaderboard.md): tables, explanations and commands."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.holdout_filter import SEEN_COLUMN, mark_headings
from ai_mixer.evaluation.leaderboard.entries import LeaderboardEntry
from ai_mixer.evaluation.leaderboard.evaluate import (
    KNOB_BASELINES,
    SOUND_BASELINES,
    SOUND_CONDITIONS,
    EvaluationSettings,
    LeaderboardRecords,
)
from ai_mixer.evaluation.significance import knob_error
from ai_mixer.metrics.coverage import coverage
from ai_mixer.metrics.statistics import difference_estimate, estimate_columns, reportable
from ai_mixer.metrics.tables import table_a, table_k
from ai_mixer.tracking.model_files import count_parameters
from ai_mixer.utils.disk_errors import reraise_disk_full
from ai_mixer.utils.markdown import HIGH, LOW, SONGS, to_markdown

EXPLANATION = """\
{folds} folds, split by song, artist and corpus: every song is evaluated by models that were trained
on neither it nor related songs. One row is one recipe; baselines are fitted in every fold.
{songs} songs, {excerpts} excerpt(s) of {seconds:g} s of each recording. Brackets: 95 %, bootstrap
over songs; several seeds are averaged excerpt by excerpt. `refined`: knobs refined at test time by
least squares through the console (src/ai_mixer/inference/refinement.py), first seed only.
"""
KNOBS_NOTE = """\
Protocol K: 1 − MAE / MAE of `mean_knobs` over the headline knobs, as predicted; MAE as a share
of a knob's range. 0 = always the mean knobs, 1 = exact.
"""
DIFFERENCES_NOTE = """\
Mean knob error of the best single model of the condition minus that of the row (95 % over songs;
above 0 is better).
"""
COVERAGE_NOTE = """\
Share of true knobs within the predicted 80 % interval (calibrated on validation songs): 0.80 is
calibrated, less is overconfident.
"""
SOUND_NOTE = """\
Protocol A on roughs by another processor, mixes with the applied knobs:
closeness = 1 − d(mix)/d(rough), STFT at equal loudness; closer = share of songs that came closer.
"""
ENTRIES_NOTE = """\
Minutes of the fastest fold: others may have shared the machine, or been interrupted and resumed.
"""


def knobs_table(records: pd.DataFrame) -> pd.DataFrame:
    """Headline skill and MAE of all systems, baselines first."""
    rows = {}
    for system in _systems_in_order(records, KNOB_BASELINES):
        evaluated = records["condition"].isin(_conditions_of(records, system))
        table = table_k(records[evaluated], system)
        rows[system] = {
            f"{condition} {number}": float(table[condition, key]["headline"])
            if condition in table
            else np.nan
            for condition in CONDITIONS
            for number, key in _skill_columns()
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")


def _skill_columns() -> list[tuple[str, str]]:
    ends = [("skill" + end, "skill" + end) for end in ("", LOW, HIGH)]
    return [*ends, ("skill" + SONGS, "songs"), ("MAE", "mae"), ("MAE" + SONGS, "songs")]


def sound_table(records: pd.DataFrame) -> pd.DataFrame:
    """Closeness and share of songs that came closer, of all systems."""
    all_genres = table_a(records).xs("all", level="genre")
    rows = {}
    for system in _systems_in_order(records, SOUND_BASELINES):
        row = {}
        for condition in SOUND_CONDITIONS:
            for name in ("closeness", "closer"):
                for end in ("", LOW, HIGH, SONGS):
                    known = (condition, system) in all_genres.index
                    column = "songs" if end == SONGS else name + end
                    value = all_genres[column][condition, system] if known else np.nan
                    row[f"{condition} {name}{end}"] = float(value)
        rows[system] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")


def coverage_table(records: pd.DataFrame) -> pd.DataFrame:
    """Coverage of the predicted intervals, of all systems that predict uncertainties."""
    rows: dict[str, dict[str, float]] = {}
    for system in _systems_in_order(records, KNOB_BASELINES):
        for condition in CONDITIONS:
            selected = (records["system"] == system) & (records["condition"] == condition)
            estimate = coverage(records[selected])
            if estimate is not None:
                rows.setdefault(system, {}).update(estimate_columns(condition, estimate))
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")


def error_differences(records: pd.DataFrame, baseline: Mapping[str, str]) -> pd.DataFrame:
    """Mean knob error of a baseline minus that of each system, by condition, with its interval.

    baseline: condition → system.
    """
    rows: dict[str, dict[str, float]] = {}
    for condition, name in baseline.items():
        baseline_error = _errors(records, name, condition)
        songs = baseline_error.index.get_level_values("song_id").to_numpy()
        for system in _systems_in_order(records, KNOB_BASELINES):
            if condition not in _conditions_of(records, system):
                continue
            error = _errors(records, system, condition)
            gain = difference_estimate(baseline_error.to_numpy(), error.to_numpy(), songs)
            rows.setdefault(system, {}).update(estimate_columns(condition, gain))
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")


def write_page(
    path: Path,
    leaderboard_records: LeaderboardRecords,
    rows: Sequence[LeaderboardEntry],
    evaluation_settings: EvaluationSettings,
    folds: int,
    seconds: float,
) -> str:
    """Write the page, and the tables as CSV in the same folder. Return the text."""
    knob_records = leaderboard_records.knob_records
    skills = reportable(knobs_table(knob_records))
    best: dict[str, str] = {c: _best_single_model(skills, rows, c) for c in CONDITIONS}
    differences = reportable(error_differences(knob_records, best))
    songs = knob_records["song_id"].nunique()
    holdout = leaderboard_records.holdout
    is_marked = any(one.is_marked for one in holdout.values())
    parts = [
        f"# {path.stem.replace('-', ' ').capitalize()}",
        EXPLANATION.format(
            folds=folds,
            songs=songs,
            excerpts=evaluation_settings.excerpts_per_song,
            seconds=seconds,
        ),
        *(f"- {name}: {line}" for name, one in holdout.items() for line in one.notes()),
        f"## Knobs\n\n{KNOBS_NOTE}\n{to_markdown(skills, digits=3)}",
        f"Best single model: {', '.join(f'{c} `{name}`' for c, name in best.items())}. "
        f"{DIFFERENCES_NOTE}",
        to_markdown(differences, digits=4),
    ]
    coverages = reportable(coverage_table(knob_records))
    parts.append(f"## Uncertainty\n\n{COVERAGE_NOTE}\n{to_markdown(coverages)}")
    tables = {
        "knobs": skills,
        "differences": differences,
        "spread": coverages,
        "recipes": _recipes(rows),
    }
    if len(leaderboard_records.sound_records):
        tables["sound"] = reportable(sound_table(leaderboard_records.sound_records))
        parts.append(f"## Sound\n\n{SOUND_NOTE}\n{to_markdown(tables['sound'])}")
    parts.append(f"## Recipes\n\n{ENTRIES_NOTE}\n{to_markdown(tables['recipes'], digits=1)}")
    text = mark_headings("\n".join(parts)) if is_marked else "\n".join(parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with reraise_disk_full(path):
        path.write_text(text, encoding="utf-8")
        for name, table in tables.items():
            marked = table.assign(**{SEEN_COLUMN: True}) if is_marked else table
            marked.to_csv(path.with_name(f"{path.stem}-{name}.csv"))
    return text


def _best_single_model(
    skills: pd.DataFrame, rows: Sequence[LeaderboardEntry], condition: str
) -> str:
    """The entry with the highest skill that is not an ensemble; the first if no skill is known."""
    single = [row.title for row in rows if not row.is_ensemble]
    if skills.loc[single, f"{condition} skill"].isna().all():
        return single[0]
    return str(skills.loc[single, f"{condition} skill"].idxmax())


def _recipes(rows: Sequence[LeaderboardEntry]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            row.title: {
                "weights (million)": (count_parameters(_any_model_folder(row)) or 0) / 1e6,
                "seeds": str(len(row.seeds)),
                "minutes a fold": float(min(row.minutes)),
                "command": f"`{row.command}`",
            }
            for row in rows
        }
    ).T.rename_axis("row")


def _any_model_folder(row: LeaderboardEntry) -> Path:
    return next(iter(next(iter(row.seeds.values())).values()))


def _systems_in_order(records: pd.DataFrame, first: Sequence[str]) -> list[str]:
    systems = list(dict.fromkeys(records["system"]))
    return [name for name in first if name in systems] + sorted(set(systems) - set(first))


def _conditions_of(records: pd.DataFrame, system: str) -> list[str]:
    """Conditions under which a system was evaluated."""
    return list(records.loc[records["system"] == system, "condition"].unique())


def _errors(records: pd.DataFrame, system: str, condition: str) -> pd.Series:
    """Mean error of the headline knobs per excerpt, in the same order for all systems."""
    selected = records[(records["system"] == system) & (records["condition"] == condition)]
    take = selected.groupby("song_id").cumcount()
    errors = knob_error(selected)
    index = pd.MultiIndex.from_arrays([selected["song_id"], take])
    return pd.Series(errors, index=index).sort_index()
