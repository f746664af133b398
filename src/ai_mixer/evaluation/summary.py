"""Summaries of evaluation results for the terminal, the listening page and MLflow.

All show, per condition, knob skill (protocol K) and closeness (protocol A) with the number of
songs, and the verdicts of `significance.verdicts`, which name losses first.
"""

import math

from ai_mixer.evaluation.holdout_filter import SEEN_MARK
from ai_mixer.evaluation.results import EvaluationResults
from ai_mixer.evaluation.significance import WORSE, outcomes_by_system, verdicts
from ai_mixer.metrics.statistics import few_songs_note
from ai_mixer.utils.markdown import HIGH, LOW

SKILL_NOTE = "knob skill of the predicted knobs (0 = always the mean knobs, 1 = exact)"
CLOSENESS_NOTE = "closeness (0 = the rough, 1 = the finished version)"


def summary(tables: EvaluationResults) -> str:
    """Lines for the terminal."""
    tables = tables.reported
    title = f"{_songs(tables)}, {_measures(tables)}"
    lines = [f"  {name:<10} {_figures(tables, name)}" for name in tables.conditions]
    significance = tables.significance
    outcomes = verdicts(significance) if len(significance) else []
    plain = [f"  {line.replace('**', '')}" for line in outcomes]
    return "\n".join([title, *(f"  {line}" for line in tables.holdout.notes()), *lines, *plain])


def headline(tables: EvaluationResults) -> dict[str, float | str]:
    """Headline figures at the top of the listening page, systems better than the model first."""
    tables = tables.reported
    losses = {}
    for name in tables.conditions if len(tables.significance) else ():
        systems = outcomes_by_system(tables.significance.loc[[name]].droplevel(0))[WORSE]
        if systems:
            losses[f"{WORSE}, {name}"] = ", ".join(systems)
    skills = {
        f"knob skill, {name}": _with_songs(tables.skill(name), int(tables.skill(name, "songs")))
        for name in (tables.conditions if tables.knobs_known else ())
    }
    closeness = {
        f"closeness, {name}": _with_songs(tables.closeness(name), tables.songs(name))
        for name in tables.conditions
    }
    return {
        tables.holdout.mark(name): text for name, text in {**losses, **skills, **closeness}.items()
    }


def description(tables: EvaluationResults, reproduce_line: str) -> str:
    """Description of the run in MLflow. reproduce_line: a sentence with the training command."""
    shown = tables.reported
    values = [f"{name} {_figures(shown, name, '**{:+.2f}**')}" for name in shown.conditions]
    return (
        f"{tables.notes()}"
        f"{_songs(tables)}, {_measures(tables)}: {'; '.join(values)}.  \n"
        f"{reproduce_line}  \n"
        "Listen: `listening/index.html` among the artifacts.\n\n"
        f"{tables.main_tables()}"
    )


def _songs(tables: EvaluationResults) -> str:
    return f"songs {SEEN_MARK}" if tables.holdout.is_marked else "held-out songs"


def _measures(tables: EvaluationResults) -> str:
    if tables.knobs_known:
        return f"{SKILL_NOTE} and {CLOSENESS_NOTE}"
    return f"knobs unknown, {CLOSENESS_NOTE}"


def _figures(tables: EvaluationResults, condition: str, form: str = "{:+.2f}") -> str:
    """Skill, MAE and closeness of a condition with intervals, and the number of songs."""
    value, low, high = (tables.closeness(condition, end) for end in ("", LOW, HIGH))
    parts = [f"closeness {_interval(value, low, high, form)}"]
    if tables.knobs_known:
        skill, low, high, mae = (
            tables.skill(condition, number)
            for number in ("skill", "skill_low", "skill_high", "mae")
        )
        error = "–" if math.isnan(mae) else f"{mae:.3f}"
        parts = [f"skill {_interval(skill, low, high, form)}", f"MAE {error}", *parts]
    songs = tables.songs(condition)
    note = few_songs_note(songs)
    return f"{', '.join(parts)}, n = {songs}{f' ({note})' if note else ''}"


def _interval(value: float, low: float, high: float, form: str) -> str:
    if math.isnan(value):
        return "–"
    return form.format(value) + ("" if math.isnan(low) else f" [{low:+.2f}, {high:+.2f}]")


def _with_songs(value: float, songs: int) -> str:
    return f"{'–' if math.isnan(value) else f'{value:.2f}'} (n = {songs})"
