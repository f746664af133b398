"""Summaries of evaluation results for the terminal, the listening page and MLflow."""

from ai_mixer.evaluation.results import EvaluationResults

SKILL_NOTE = "knob skill (0 = always the mean knobs, 1 = exact)"
CLOSENESS_NOTE = "knobs unknown, so closeness (0 = the rough, 1 = the finished version)"


def summary(tables: EvaluationResults) -> str:
    """Lines for the terminal."""
    if not tables.knobs_known:
        lines = (f"  {name:<10} {tables.closeness(name):+.2f}" for name in tables.conditions)
        return "\n".join([f"held-out songs, {CLOSENESS_NOTE}", *lines])
    lines = (
        f"  {name:<10} {_skill(tables, name, '{:+.2f}  ')}   MAE {tables.skill(name, 'mae'):.3f}"
        for name in tables.conditions
    )
    return "\n".join([f"held-out songs, {SKILL_NOTE}", *lines])


def headline(tables: EvaluationResults) -> dict[str, float | str]:
    """Headline figures at the top of the listening page."""
    if not tables.knobs_known:
        return {f"closeness, {name}": f"{tables.closeness(name):.2f}" for name in tables.conditions}
    return {f"knob skill, {name}": f"{tables.skill(name):.2f}" for name in tables.conditions}


def description(tables: EvaluationResults, reproduce_line: str) -> str:
    """Description of the run in MLflow. reproduce_line: a sentence with the training command."""
    if tables.knobs_known:
        note = SKILL_NOTE
        values = [f"{name} {_skill(tables, name, '**{:+.2f}** ')}" for name in tables.conditions]
    else:
        note = CLOSENESS_NOTE
        values = [f"{name} **{tables.closeness(name):+.2f}**" for name in tables.conditions]
    return (
        f"Held-out songs, {note}: {', '.join(values)}.  \n"
        f"{reproduce_line}  \n"
        "Listen: `listening/index.html` among the artifacts.\n\n"
        f"{tables.markdown()}"
    )


def _skill(tables: EvaluationResults, condition: str, form: str) -> str:
    """Headline skill in the given format, and its interval."""
    low, high = (tables.skill(condition, number) for number in ("skill_low", "skill_high"))
    return f"{form.format(tables.skill(condition))}[{low:+.2f}, {high:+.2f}]"
