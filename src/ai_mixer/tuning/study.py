"""A study: what it was begun with, who samples, who prunes, and what is refused."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import optuna
from omegaconf import DictConfig
from optuna import Study
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning
from optuna.pruners import BasePruner, NopPruner, WilcoxonPruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from ai_mixer.config.instantiate import build
from ai_mixer.tuning.search_space import Param, changes
from ai_mixer.tuning.trial_queue import fill

PLAN = "plan"  # the study's attribute that holds it


@dataclass(frozen=True)
class Plan:
    """What all trials of a study share; what must stay as it is when it goes on.

    words: of the trainings, without where files lie; typed: the whole command line; space: as
    `Space.to_json` writes it; parent: the MLflow run that the trials are part of.
    """

    words: list[str]
    typed: list[str]
    space: dict[str, str]
    maximize: list[str]
    minimize: list[str]
    cv: int | None
    parent: str

    @property
    def objectives(self) -> list[str]:
        """Metrics of a run, in the order of a trial's values."""
        return [*self.maximize, *self.minimize]

    @property
    def directions(self) -> list[StudyDirection]:
        """Of each objective."""
        up, down = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
        return [*(up for _ in self.maximize), *(down for _ in self.minimize)]


def begin(
    storage: BaseStorage,
    name: str,
    plan: Plan,
    trials: int,
    first: Sequence[dict[str, Param]],
) -> Study:
    """A new study with all of its trials queued. ValueError if there is one of that name."""
    try:
        study = optuna.create_study(study_name=name, storage=storage, directions=plan.directions)
    except DuplicatedStudyError as error:
        raise ValueError(
            f"study={name} exists: make sweep resume={name} goes on with it, "
            "or give another name, study=…"
        ) from error
    study.set_user_attr(PLAN, asdict(plan))
    study.set_metric_names(plan.objectives)  # what Optuna's pages call them
    fill(study, trials, first)
    return study


def load(storage: BaseStorage, name: str) -> tuple[Study, Plan]:
    """A study that was begun before. FileNotFoundError in one line if there is none."""
    try:
        study = optuna.load_study(study_name=name, storage=storage)
        plain = study.user_attrs[PLAN]
    except KeyError as error:
        known = ", ".join(sorted(optuna.get_all_study_names(storage))) or "none"
        raise FileNotFoundError(f"no study {name} there; there are: {known}") from error
    return study, Plan(**{field.name: plain[field.name] for field in fields(Plan)})


def check_same(name: str, plan: Plan, now: Plan) -> None:
    """Refuse to go on with other words than those it was begun with. ValueError in one line."""
    other = changes(plan.space, now.space)
    if other:
        raise ValueError(
            f"study {name}: its space has changed: {'; '.join(other)}. Go on without that, or "
            "begin another: study=<another name> in place of resume"
        )
    for what in ("words", "maximize", "minimize", "cv"):
        before, after = getattr(plan, what), getattr(now, what)
        if before != after:
            raise ValueError(
                f"study {name}: was begun with {what} {_said(before)}, now {_said(after)}: its "
                "trials could not be compared. Begin another: study=<another name>"
            )


def check_pruner(pruner: BasePruner, plan: Plan) -> None:
    """Refuse early what could not prune. ValueError in one line, with the way out."""
    if isinstance(pruner, NopPruner):
        return
    if len(plan.objectives) > 1:
        raise ValueError(
            f"pruning needs one objective, here are {len(plan.objectives)} "
            f"({', '.join(plan.objectives)}): pruner=none, or leave one in maximize and minimize"
        )
    if isinstance(pruner, WilcoxonPruner) and plan.cv is None:
        raise ValueError("pruner=wilcoxon compares songs after each fold: add cv=5, or take median")
    (objective,) = plan.objectives
    if plan.cv is None and not watched(objective).startswith("val/"):
        raise ValueError(
            f"{objective} is not known while a trial is trained, so nothing can be pruned by it: "
            "pruner=none, or maximize=[best/val/skill]"
        )


def watched(objective: str) -> str:
    """The metric of each epoch behind an objective: `val/skill` behind `best/val/skill`."""
    return objective.removeprefix("best/")


def build_pruner(cfg: DictConfig) -> BasePruner:
    """The pruner of a sweep's config."""
    with quiet_optuna():
        return build(cfg, "pruner")


def build_sampler(cfg: DictConfig, number: int) -> BaseSampler:
    """The sampler of a sweep's config for one trial.

    Unless the page gives a seed it is drawn from (seed, number), so two workers never draw the same
    and nothing is remembered between trials.
    """
    drawn = int(np.random.SeedSequence([cfg.seed, number]).generate_state(1)[0])
    seed = {} if cfg.sampler.get("seed") is not None else {"seed": drawn}
    with quiet_optuna():
        return build(cfg, "sampler", **seed)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """What Optuna calls experimental is said in docs/decisions/0029-sweeps.md, once."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _said(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return f"[{', '.join(map(str, value))}]"
    return "null" if value is None else str(value)
