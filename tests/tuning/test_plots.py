"""Plots of a study: whole names, readable ticks, and the numbers of the runs in MLflow."""

from itertools import pairwise

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from ai_mixer.tuning.axis_scale import AxisScale
from ai_mixer.tuning.plots import (
    Objective,
    complete_trials,
    plot_history,
    plot_importance,
    plot_parallel,
    plot_study,
)
from ai_mixer.tuning.trial_queue import original_number

SPACE = {
    "loss.terms.perceptual.weight": FloatDistribution(0.0, 2.0),
    "optimizer.lr": FloatDistribution(1e-5, 1e-3, log=True),
    "model": CategoricalDistribution(["ast_regressor", "baseline_cnn", "improved_enhanced_cnn"]),
    "model.heads": CategoricalDistribution([2, 4]),  # not of every model
}
SKILL = Objective(0, "best_val_skill", maximize=True)
RUN_IDS = {number: f"{number}abcdef0123" for number in range(9)}


def trial(number, value, state=TrialState.COMPLETE, **attrs):
    params = {
        "loss.terms.perceptual.weight": 0.25 * number,
        "optimizer.lr": 10.0 ** (-5 + number / 4),
        "model": SPACE["model"].choices[number % 3],
        **({"model.heads": 2 + 2 * (number % 2)} if number % 3 == 0 else {}),
    }
    return create_trial(
        state=state,
        value=value if state is TrialState.COMPLETE else None,
        params=params,
        distributions={key: SPACE[key] for key in params},
        system_attrs=attrs,
    )


@pytest.fixture(scope="module")
def study():
    """Trial 3 was killed and repeated as number 6 of the storage."""
    study = optuna.create_study(study_name="ast-1", direction="maximize")
    for number in range(6):
        state = TrialState.FAIL if number == 3 else TrialState.COMPLETE
        study.add_trial(trial(number, number / 10, state))
    study.add_trial(trial(3, 0.9, failed_trial=3, retry_history=[3]))
    return study


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_repeated_trial_has_the_number_of_its_run(study):
    assert [original_number(t) for t in complete_trials(study)] == [0, 1, 2, 3, 4, 5]
    (axes,) = plot_history(study, complete_trials(study), SKILL, RUN_IDS).axes
    assert axes.lines[0].get_xdata().tolist() == [0, 1, 2, 3, 4, 5]
    assert axes.lines[1].get_ydata().tolist() == [0.0, 0.1, 0.2, 0.9, 0.9, 0.9]
    assert texts(axes) == ["trial 3, run 3abcdef0"]


def test_parallel_coordinates_have_whole_names_and_few_ticks(study):
    (axes,) = plot_parallel(study, complete_trials(study), SKILL, RUN_IDS).axes
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == [*SPACE, "best_val_skill"]
    assert {"trial 3, run 3abcdef0", "trial 5, run 5abcdef0"} <= set(texts(axes))
    assert {"ast_regressor", "baseline_cnn", "improved_enhanced_cnn", "2", "4"} <= set(texts(axes))
    positions = [text.get_position() for text in axes.texts]
    for column in range(4):
        heights = sorted(y for x, y in positions if abs(x - column - 0.06) < 1e-6)
        assert len(heights) <= 7
        assert all(b - a > 0.04 for a, b in pairwise(heights))
    assert {"1e-5", "1e-4", "not set"} <= set(texts(axes))


def test_importances_of_few_trials_have_a_warning(study):
    (axes,) = plot_importance(study, complete_trials(study), SKILL, RUN_IDS).axes
    assert "6 trials are unreliable: fewer than 20" in axes.get_title()
    (axes,) = plot_importance(study, 4 * complete_trials(study), SKILL, RUN_IDS).axes
    assert "unreliable" not in axes.get_title()


def test_files_are_written_and_an_empty_study_has_none(study, tmp_path):
    files = plot_study(study, tmp_path, [SKILL], RUN_IDS)
    assert [file.name for file in files] == ["history.png", "parallel.png", "importance.png"]
    assert plot_study(optuna.create_study(), tmp_path, [SKILL], {}) == []


def test_numeric_choices_are_equally_spaced():
    choices = CategoricalDistribution([0.1, 0.2, 0.5])
    trials = [
        create_trial(value=0.0, params={"x": x}, distributions={"x": choices})
        for x in choices.choices
    ]
    scale = AxisScale.of_parameter("x", choices, trials)
    assert [scale.height(x) for x in choices.choices] == [0.0, 0.5, 1.0]
