"""Studies: create, load, check, and build samplers and pruners."""

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
from ai_mixer.config.renamed_metrics import translate_metric
from ai_mixer.config.stage_command import stage_command
from ai_mixer.core.metric_names import curve_name
from ai_mixer.tuning.search_space import ParamValue, space_differences
from ai_mixer.tuning.trial_queue import enqueue_trials

CONFIG_ATTR = "plan"  # user attribute of the study
_STORED = {"training_overrides": "words", "overrides": "typed"}  # field → name in the attribute


@dataclass(frozen=True)
class StudyConfig:
    """Settings that all trials of a study share and that must not change when it is resumed.

    training_overrides: overrides of the trainings, without paths. overrides: the whole command
    line. space: from `SearchSpace.to_json`. cv: number of folds, or None. parent: id of the MLflow
    run whose children the trials are.
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
        """Direction of each objective."""
        return [
            *(StudyDirection.MAXIMIZE for _ in self.maximize),
            *(StudyDirection.MINIMIZE for _ in self.minimize),
        ]


def create_study(
    storage: BaseStorage,
    name: str,
    study_config: StudyConfig,
    trials: int,
    first: Sequence[dict[str, ParamValue]],
) -> Study:
    """Create a study and queue all of its trials. ValueError if the name is taken.

    first: fixed values of the first trials.
    """
    try:
        study = optuna.create_study(
            study_name=name, storage=storage, directions=study_config.directions
        )
    except DuplicatedStudyError as error:
        raise ValueError(exists_error(name)) from error
    plain = {_STORED.get(name, name): value for name, value in asdict(study_config).items()}
    study.set_user_attr(CONFIG_ATTR, plain)
    study.set_metric_names(study_config.objectives)  # shown by optuna-dashboard
    enqueue_trials(study, trials, first)
    return study


def exists_error(name: str) -> str:
    """Error message for a name that is taken."""
    command = stage_command("sweep", [f"resume={name}"])
    return f"study={name} exists: resume it with `{command}`, or set another study=…"


def load_study(storage: BaseStorage, name: str) -> tuple[Study, StudyConfig]:
    """Load a study and its config. FileNotFoundError (one line) if it does not exist."""
    try:
        study = optuna.load_study(study_name=name, storage=storage)
        plain = study.user_attrs[CONFIG_ATTR]
    except KeyError as error:
        known = ", ".join(sorted(optuna.get_all_study_names(storage))) or "none"
        raise FileNotFoundError(f"no study {name} in the storage; studies: {known}") from error
    values = {
        field.name: plain[_STORED.get(field.name, field.name)] for field in fields(StudyConfig)
    }
    for stored in _STORED:
        values[stored] = translate_overrides("sweep", values[stored])
    for goal in ("maximize", "minimize"):
        values[goal] = [translate_metric(name) for name in values[goal]]
    return study, StudyConfig(**values)


def check_unchanged(name: str, study_config: StudyConfig, now: StudyConfig) -> None:
    """Check that a resumed study has its original settings. ValueError (one line) if not."""
    stored = {translate_override("train", key): text for key, text in study_config.space.items()}
    differences = space_differences(stored, now.space)
    if differences:
        raise ValueError(
            f"study {name}: its space has changed: {'; '.join(differences)}. Resume without the "
            "change, or create another study with study=<another name> instead of resume"
        )
    for field in ("training_overrides", "maximize", "minimize", "cv"):
        before, after = getattr(study_config, field), getattr(now, field)
        if before != after:
            raise ValueError(
                f"study {name}: was created with {field} {_format_value(before)}, now "
                f"{_format_value(after)}: its trials would not be comparable. "
                "Create another study with study=<another name>"
            )


def check_pruner(pruner: BasePruner, study_config: StudyConfig) -> None:
    """Check that the pruner can work with the objectives. ValueError (one line) if not."""
    if isinstance(pruner, NopPruner):
        return
    if len(study_config.objectives) > 1:
        raise ValueError(
            f"pruning needs one objective, got {len(study_config.objectives)} "
            f"({', '.join(study_config.objectives)}): set pruner=none, or keep one "
            "in maximize and minimize"
        )
    if isinstance(pruner, WilcoxonPruner) and study_config.cv is None:
        raise ValueError(
            "pruner=wilcoxon compares songs after each fold: set cv=5, or pruner=median"
        )
    (objective,) = study_config.objectives
    if study_config.cv is None and not curve_name(objective).startswith("val/"):
        raise ValueError(
            f"{objective} is not logged during training, so it cannot be used for pruning: "
            "set pruner=none, or maximize=[best_val_skill]"
        )


def build_pruner(cfg: DictConfig) -> BasePruner:
    """Build the pruner of a sweep's config."""
    with quiet_optuna():
        return instantiate_checked(cfg, "pruner")


def build_sampler(cfg: DictConfig, number: int) -> BaseSampler:
    """Build the sampler of a sweep's config for the trial with this number.

    Unless the config file sets a seed, it is derived from (seed, number), so that two workers never
    draw the same values and no state is kept between trials.
    """
    derived = int(np.random.SeedSequence([cfg.seed, number]).generate_state(1)[0])
    seed = {} if cfg.sampler.get("seed") is not None else {"seed": derived}
    with quiet_optuna():
        return instantiate_checked(cfg, "sampler", **seed)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Silence Optuna's log and its warnings about experimental features.

    Those in use are listed in docs/decisions/0029-sweeps.md.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return f"[{', '.join(map(str, value))}]"
    return "null" if value is None else str(value)
