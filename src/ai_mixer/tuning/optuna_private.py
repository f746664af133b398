"""All uses of Optuna's private API: check them when Optuna is updated."""

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState


def distribution_contains(distribution: BaseDistribution, value: float) -> bool:
    """Whether a value is in a distribution. ValueError for zero on a logarithmic scale."""
    return distribution._contains(distribution.to_internal_repr(value))


def pop_waiting_trial_id(study: Study) -> int | None:
    """Set one waiting trial to running and return its id; None if no trial is waiting.

    `Study.ask` would create a trial if none is waiting.
    """
    return study._pop_waiting_trial_id()


def trial_number(study: Study, trial_id: int) -> int:
    """Number of a trial within its study."""
    return study._storage.get_trial(trial_id).number


def fail_trial(study: Study, trial: FrozenTrial, **user_attrs: str) -> None:
    """Set user attributes of a running trial and its state to FAIL.

    UpdateFinishedTrialError if the trial is finished.
    """
    for name, value in user_attrs.items():
        study._storage.set_trial_user_attr(trial._trial_id, name, value)
    study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
