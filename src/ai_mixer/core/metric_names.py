"""Names of a run's metrics: a curve is `<group>/<name>`, a result of one value has no `/`.

MLflow's run page shows a section for each prefix before the last `/`, sorted by name, and metrics
without a prefix after them. So the curves of training and validation come first.
"""

CURVE_GROUPS = ("train", "val")


def result_name(*parts: str) -> str:
    """Join the name of a metric with one value.

    >>> result_name("test", "skill_blind"), result_name("best", "val/skill")
    ('test_skill_blind', 'best_val_skill')
    """
    return "_".join(parts).replace("/", "_")


def curve_name(result: str) -> str:
    """Return the curve whose best value a result is; any other name is returned as it is.

    >>> curve_name("best_val_skill_blind"), curve_name("val/loss"), curve_name("test_skill_blind")
    ('val/skill_blind', 'val/loss', 'test_skill_blind')
    """
    for group in CURVE_GROUPS:
        prefix = result_name("best", group) + "_"
        if result.startswith(prefix):
            return f"{group}/{result.removeprefix(prefix)}"
    return result
