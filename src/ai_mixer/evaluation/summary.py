"""What a run says of its tables: on the screen, on the listening page, in MLflow."""

from ai_mixer.evaluation.results import Evaluation

SKILL = "knob skill (0 = always the mean knobs, 1 = exact)"
CLOSENESS = "knobs unknown, so closeness (0 = the rough, 1 = the finished version)"


def summary(tables: Evaluation) -> str:
    """Lines for the screen."""
    if not tables.knobs_known:
        lines = (f"  {name:<10} {tables.closeness(name):+.2f}" for name in tables.conditions)
        return "\n".join([f"held-out songs, {CLOSENESS}", *lines])
    lines = (
        f"  {name:<10} {_skill(tables, name, '{:+.2f}  ')}   MAE {tables.skill(name, 'mae'):.3f}"
        for name in tables.conditions
    )
    return "\n".join([f"held-out songs, {SKILL}", *lines])


def headline(tables: Evaluation) -> dict[str, float | str]:
    """Headline figures at the top of the listening page."""
    if not tables.knobs_known:
        return {f"closeness, {name}": f"{tables.closeness(name):.2f}" for name in tables.conditions}
    return {f"knob skill, {name}": f"{tables.skill(name):.2f}" for name in tables.conditions}


def description(tables: Evaluation, again: str) -> str:
    """What MLflow shows of the run. again: how to make it once more."""
    if tables.knobs_known:
        of, figures = (
            SKILL,
            [f"{name} {_skill(tables, name, '**{:+.2f}** ')}" for name in tables.conditions],
        )
    else:
        of = CLOSENESS
        figures = [f"{name} **{tables.closeness(name):+.2f}**" for name in tables.conditions]
    return (
        f"Held-out songs, {of}: {', '.join(figures)}.  \n"
        f"{again}  \n"
        "Listen: `listening/index.html` among the artifacts.\n\n"
        f"{tables.markdown()}"
    )


def _skill(tables: Evaluation, condition: str, form: str) -> str:
    """Headline skill in this form, and its interval."""
    low, high = (tables.skill(condition, number) for number in ("skill_low", "skill_high"))
    return f"{form.format(tables.skill(condition))}[{low:+.2f}, {high:+.2f}]"
