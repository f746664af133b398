"""docs/leaderboard.md: the table, what it means, and how to make it again."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ai_mixer.core.types import CONDITIONS
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
from ai_mixer.metrics.statistics import difference_estimate
from ai_mixer.metrics.tables import table_a, table_k
from ai_mixer.tracking.model_files import count_parameters
from ai_mixer.utils.disk_errors import reraise_disk_full
from ai_mixer.utils.markdown import HIGH, LOW, to_markdown

EXPLANATION = """\
{folds} folds, split by song, artist and corpus: every song is heard by models that have met neither
it nor its like. One row is one recipe; floors are fitted anew in every fold. {songs} songs,
{excerpts} excerpt(s) of {seconds:g} s of each recording. Brackets: 95 %, bootstrap over songs; of
several seeds the mean, excerpt by excerpt. `refined`: knobs moved through the console until the mix
measures like what is given (src/ai_mixer/inference/refinement.py), of the first seed.
"""
KNOBS_NOTE = """\
Protocol K: 1 − MAE / MAE of `mean_knobs` over the headline's knobs; MAE as a share of a knob's
travel. 0 = always the mean knobs, 1 = exact.
"""
DIFFERENCES_NOTE = """\
By how much smaller a row's mean knob error is than the best single row's of the condition
(difference, 95 % over songs; above 0 is better).
"""
COVERAGE_NOTE = """\
Share of true knobs within the 80 % interval that a model says (its factors come from validation
songs): 0.80 is an honest model, less a boasting one.
"""
SOUND_NOTE = """\
Protocol A on roughs by another processor (`make roughs`), the mixes as a musician gets them:
closeness = 1 − d(mix)/d(rough), STFT at equal loudness, and the share of songs that came closer.
"""
ENTRIES_NOTE = """\
Minutes of the quickest fold: the others may have shared the machine, or been stopped and gone on.
"""


def knobs_table(records: pd.DataFrame) -> pd.DataFrame:
    """Headline skill and MAE of everybody; floors first."""
    rows = {}
    for system in _systems_in_order(records, KNOB_BASELINES):
        answered = records["condition"].isin(_conditions_of(records, system))
        table = table_k(records[answered], system)
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
    return [*ends, ("MAE", "mae")]


def sound_table(records: pd.DataFrame) -> pd.DataFrame:
    """Closeness and share of songs closer, of everybody."""
    everyone = table_a(records).xs("all", level="genre")
    rows = {}
    for system in _systems_in_order(records, SOUND_BASELINES):
        row = {}
        for condition in SOUND_CONDITIONS:
            for name in ("closeness", "closer"):
                for end in ("", LOW, HIGH):
                    there = (condition, system) in everyone.index
                    value = everyone[name + end][condition, system] if there else np.nan
                    row[f"{condition} {name}{end}"] = float(value)
        rows[system] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")


def coverage_table(records: pd.DataFrame) -> pd.DataFrame:
    """How much of the truth lies within what was said, of everybody who says a spread."""
    rows: dict[str, dict[str, float]] = {}
    for system in _systems_in_order(records, KNOB_BASELINES):
        for condition in CONDITIONS:
            chosen = (records["system"] == system) & (records["condition"] == condition)
            found = coverage(records[chosen])
            if found is not None:
                ends = zip(("", LOW, HIGH), (found.value, found.low, found.high), strict=True)
                rows.setdefault(system, {}).update({condition + end: value for end, value in ends})
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")


def error_differences(records: pd.DataFrame, baseline: Mapping[str, str]) -> pd.DataFrame:
    """Every row's mean knob error against a rival's per condition: gain with its interval."""
    rows: dict[str, dict[str, float]] = {}
    for condition, other in baseline.items():
        theirs = _errors(records, other, condition)
        for system in _systems_in_order(records, KNOB_BASELINES):
            if condition not in _conditions_of(records, system):
                continue
            mine = _errors(records, system, condition)
            songs = theirs.index.get_level_values("song_id").to_numpy()
            found = difference_estimate(theirs.to_numpy(), mine.to_numpy(), songs)
            ends = zip(("", LOW, HIGH), (found.value, found.low, found.high), strict=True)
            rows.setdefault(system, {}).update({condition + end: value for end, value in ends})
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")


def write_page(
    path: Path,
    leaderboard_records: LeaderboardRecords,
    rows: Sequence[LeaderboardEntry],
    evaluation_settings: EvaluationSettings,
    folds: int,
    seconds: float,
) -> str:
    """The page and, beside it, the tables as CSV. Returns the text."""
    skills = knobs_table(leaderboard_records.knobs)
    best: dict[str, str] = {c: _best_single_model(skills, rows, c) for c in CONDITIONS}
    closer = error_differences(leaderboard_records.knobs, best)
    songs = leaderboard_records.knobs["song_id"].nunique()
    parts = [
        f"# {path.stem.replace('-', ' ').capitalize()}",
        EXPLANATION.format(
            folds=folds,
            songs=songs,
            excerpts=evaluation_settings.excerpts_per_song,
            seconds=seconds,
        ),
        f"## Knobs\n\n{KNOBS_NOTE}\n{to_markdown(skills, digits=3)}",
        f"Best single row: {', '.join(f'{c} `{name}`' for c, name in best.items())}. "
        f"{DIFFERENCES_NOTE}",
        to_markdown(closer, digits=4),
    ]
    spreads = coverage_table(leaderboard_records.knobs)
    parts.append(f"## Spread\n\n{COVERAGE_NOTE}\n{to_markdown(spreads)}")
    tables = {
        "knobs": skills,
        "differences": closer,
        "spread": spreads,
        "recipes": _recipes(rows),
    }
    if len(leaderboard_records.sound):
        tables["sound"] = sound_table(leaderboard_records.sound)
        parts.append(f"## Sound\n\n{SOUND_NOTE}\n{to_markdown(tables['sound'])}")
    parts.append(f"## Recipes\n\n{ENTRIES_NOTE}\n{to_markdown(tables['recipes'], digits=1)}")
    text = "\n".join(parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with reraise_disk_full(path):
        path.write_text(text, encoding="utf-8")
        for name, table in tables.items():
            table.to_csv(path.with_name(f"{path.stem}-{name}.csv"))
    return text


def _best_single_model(
    skills: pd.DataFrame, rows: Sequence[LeaderboardEntry], condition: str
) -> str:
    """The row with the highest skill that is no ensemble of others."""
    single = [row.title for row in rows if not row.is_ensemble]
    return str(skills.loc[single, f"{condition} skill"].idxmax())


def _recipes(rows: Sequence[LeaderboardEntry]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            row.title: {
                "weights (million)": (count_parameters(_first(row)) or 0) / 1e6,
                "seeds": str(len(row.seeds)),
                "minutes a fold": float(min(row.minutes)),
                "command": f"`{row.command}`",
            }
            for row in rows
        }
    ).T.rename_axis("row")


def _first(row: LeaderboardEntry) -> Path:
    return next(iter(next(iter(row.seeds.values())).values()))


def _systems_in_order(records: pd.DataFrame, first: Sequence[str]) -> list[str]:
    there = list(dict.fromkeys(records["system"]))
    return [name for name in first if name in there] + sorted(set(there) - set(first))


def _conditions_of(records: pd.DataFrame, system: str) -> list[str]:
    """Under which conditions it was asked."""
    return list(records.loc[records["system"] == system, "condition"].unique())


def _errors(records: pd.DataFrame, system: str, condition: str) -> pd.Series:
    """Mean error of the headline's knobs per excerpt, in one order for all systems."""
    chosen = records[(records["system"] == system) & (records["condition"] == condition)]
    take = chosen.groupby("song_id").cumcount()
    errors = knob_error(chosen)
    index = pd.MultiIndex.from_arrays([chosen["song_id"], take])
    return pd.Series(errors, index=index).sort_index()
