"""Report of a sweep after a kill: the numbers and ids of the runs in MLflow."""

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from ai_mixer.tuning.report import _table, _text, explanation
from ai_mixer.tuning.study import StudyConfig
from ai_mixer.tuning.worker import best_trials

CONFIG = StudyConfig([], [], {}, ["best_val_skill"], [], None, "parent")
IDS = {number: f"{number}" * 32 for number in range(3)}


@pytest.fixture
def study():
    """Trial 1 was killed and repeated as number 3 of the storage, with the best value."""
    study = optuna.create_study(study_name="mine", direction="maximize")
    space = {"optimizer.lr": FloatDistribution(1e-5, 1e-1, log=True)}
    for value in (0.5, None, 0.25, 0.75):
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        repeated = {"failed_trial": 1, "retry_history": [1]} if value == 0.75 else {}
        study.add_trial(
            create_trial(
                state=state,
                value=value,
                params={"optimizer.lr": 1e-3},
                distributions=space,
                system_attrs=repeated,
            )
        )
    return study


def test_table_has_number_and_id_of_the_run(study):
    table = _table(study, CONFIG, IDS)
    assert table["trial"].tolist() == [0, 1, 2]
    assert table["run"].tolist() == list(IDS.values())
    assert table["best_val_skill"].tolist() == [0.5, 0.75, 0.25]


def test_text_has_number_and_id_of_the_run(study):
    text = _text(study, CONFIG, best_trials(study), IDS, "")
    assert "| trial 1 | 11111111 | 0.75 |" in text
    assert "trial 3" not in text


def test_explanation_names_objective_and_children():
    text = explanation(CONFIG)
    assert "each child run is a trial" in text
    assert "maximize best_val_skill" in text
