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

from ai_mixer.config.instantiate import instantiate_checked
from ai_mixer.config.renamed import translate_override, translate_overrides
from ai_mixer.tuning.search_space import ParamValue, space_differences
from ai_mixer.tuning.trial_queue import enqueue_trials

CONFIG_ATTR = "plan"  # the study's attribute that holds it
_STORED = {"training_overrides": "words", "overrides": "typed"}  # field → name in the attribute


@dataclass(frozen=True)
class StudyConfig:
    """What all trials of a study share; what must stay as it is when it goes on.

    words: of the trainings, without where files lie; typed: the whole command line; space: as
    `SearchSpace.to_json` writes it; parent: the MLflow run that the trials are part of.
    """

    training_overrides: list[str]
    overrides: list[str]
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


def create_study(
    storage: BaseStorage,
    name: str,
    study_config: StudyConfig,
    trials: int,
    first: Sequence[dict[str, ParamValue]],
) -> Study:
    """A new study with all of its trials queued. ValueError if there is one of that name."""
    try:
        study = optuna.create_study(
            study_name=name, storage=storage, directions=study_config.directions
        )
    except DuplicatedStudyError as error:
        raise ValueError(
            f"study={name} exists: make sweep resume={name} goes on with it, "
            "or give another name, study=…"
        ) from error
    plain = {_STORED.get(name, name): value for name, value in asdict(study_config).items()}
    study.set_user_attr(CONFIG_ATTR, plain)
    study.set_metric_names(study_config.objectives)  # what Optuna's pages call them
    enqueue_trials(study, trials, first)
    return study


def load_study(storage: BaseStorage, name: str) -> tuple[Study, StudyConfig]:
    """A study that was begun before. FileNotFoundError in one line if there is none."""
    try:
        study = optuna.load_study(study_name=name, storage=storage)
        plain = study.user_attrs[CONFIG_ATTR]
    except KeyError as error:
        known = ", ".join(sorted(optuna.get_all_study_names(storage))) or "none"
        raise FileNotFoundError(f"no study {name} there; there are: {known}") from error
    values = {
        field.name: plain[_STORED.get(field.name, field.name)] for field in fields(StudyConfig)
    }
    for stored in _STORED:
        values[stored] = translate_overrides("sweep", values[stored])
    return study, StudyConfig(**values)


def check_unchanged(name: str, study_config: StudyConfig, now: StudyConfig) -> None:
    """Refuse to go on with other words than those it was begun with. ValueError in one line."""
    stored = {translate_override("train", key): one for key, one in study_config.space.items()}
    other = space_differences(stored, now.space)
    if other:
        raise ValueError(
            f"study {name}: its space has changed: {'; '.join(other)}. Go on without that, or "
            "begin another: study=<another name> in place of resume"
        )
    for what in ("training_overrides", "maximize", "minimize", "cv"):
        before, after = getattr(study_config, what), getattr(now, what)
        if before != after:
            raise ValueError(
                f"study {name}: was begun with {what} {_format_value(before)}, "
                f"now {_format_value(after)}: its "
                "trials could not be compared. Begin another: study=<another name>"
            )


def check_pruner(pruner: BasePruner, study_config: StudyConfig) -> None:
    """Refuse early what could not prune. ValueError in one line, with the way out."""
    if isinstance(pruner, NopPruner):
        return
    if len(study_config.objectives) > 1:
        raise ValueError(
            f"pruning needs one objective, here are {len(study_config.objectives)} "
            f"({', '.join(study_config.objectives)}): pruner=none, or leave one "
            "in maximize and minimize"
        )
    if isinstance(pruner, WilcoxonPruner) and study_config.cv is None:
        raise ValueError("pruner=wilcoxon compares songs after each fold: add cv=5, or take median")
    (objective,) = study_config.objectives
    if study_config.cv is None and not epoch_metric(objective).startswith("val/"):
        raise ValueError(
            f"{objective} is not known while a trial is trained, so nothing can be pruned by it: "
            "pruner=none, or maximize=[best/val/skill]"
        )


def epoch_metric(objective: str) -> str:
    """The metric of each epoch behind an objective: `val/skill` behind `best/val/skill`."""
    return objective.removeprefix("best/")


def build_pruner(cfg: DictConfig) -> BasePruner:
    """The pruner of a sweep's config."""
    with quiet_optuna():
        return instantiate_checked(cfg, "pruner")


def build_sampler(cfg: DictConfig, number: int) -> BaseSampler:
    """The sampler of a sweep's config for one trial.

    Unless the page gives a seed it is drawn from (seed, number), so two workers never draw the same
    and nothing is remembered between trials.
    """
    drawn = int(np.random.SeedSequence([cfg.seed, number]).generate_state(1)[0])
    seed = {} if cfg.sampler.get("seed") is not None else {"seed": drawn}
    with quiet_optuna():
        return instantiate_checked(cfg, "sampler", **seed)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """What Optuna calls experimental is said in docs/decisions/0029-sweeps.md, once."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return f"[{', '.join(map(str, value))}]"
    return "null" if value is None else str(value)
