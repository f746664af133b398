"""What a run says of its tables: on the screen, on the listening page, in MLflow."""

from ai_mixer.evaluation.results import EvaluationResults

SKILL_NOTE = "knob skill (0 = always the mean knobs, 1 = exact)"
CLOSENESS_NOTE = "knobs unknown, so closeness (0 = the rough, 1 = the finished version)"


def summary(tables: EvaluationResults) -> str:
    """Lines for the screen."""
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
    """What MLflow shows of the run. again: how to make it once more."""
    if tables.knobs_known:
        of, figures = (
            SKILL_NOTE,
            [f"{name} {_skill(tables, name, '**{:+.2f}** ')}" for name in tables.conditions],
        )
    else:
        of = CLOSENESS_NOTE
        figures = [f"{name} **{tables.closeness(name):+.2f}**" for name in tables.conditions]
    return (
        f"Held-out songs, {of}: {', '.join(figures)}.  \n"
        f"{reproduce_line}  \n"
        "Listen: `listening/index.html` among the artifacts.\n\n"
        f"{tables.markdown()}"
    )


def _skill(tables: EvaluationResults, condition: str, form: str) -> str:
    """Headline skill in this form, and its interval."""
    low, high = (tables.skill(condition, number) for number in ("skill_low", "skill_high"))
    return f"{form.format(tables.skill(condition))}[{low:+.2f}, {high:+.2f}]"
