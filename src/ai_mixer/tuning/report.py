"""Report of a sweep in its parent run: trials, plots, Pareto front, and the best trial's config."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from omegaconf import DictConfig
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from ai_mixer.config.folder import generated_config_folder
from ai_mixer.config.stage_command import stage_command
from ai_mixer.tracking import Run
from ai_mixer.tracking.aggregate import ID_DIGITS
from ai_mixer.tracking.overrides import is_location
from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.tuning.best_config import experiment_config, same_training
from ai_mixer.tuning.objective import THREADS_TAG, TRIAL_TAG, compose
from ai_mixer.tuning.plots import (
    FEW_TRIALS,
    Objective,
    complete_trials,
    is_too_few,
    plot_study,
)
from ai_mixer.tuning.resume import resume_command
from ai_mixer.tuning.search_space import to_overrides
from ai_mixer.tuning.study import StudyConfig
from ai_mixer.tuning.trial_queue import original_number, unique_trials
from ai_mixer.tuning.worker import best_trials, format_param
from ai_mixer.utils.log import logger, print_result
from ai_mixer.utils.markdown import to_markdown

if TYPE_CHECKING:
    from ai_mixer.tracking.run_lookup import MlflowRun

MAX_LISTED_TRIALS = 5


def write_report(
    study: Study, study_config: StudyConfig, parent: Run, cfg: DictConfig, overrides: Sequence[str]
) -> Iterator[Run]:
    """Write the report; yield the runs of the best trials, for tables and listening samples."""
    runs = _trial_runs(parent)
    ids = {number: run.info.run_id for number, run in runs.items()}
    parent.log_table(_table(study, study_config, ids), "sweep/trials.csv")
    objectives = [
        Objective(number, name, name in study_config.maximize)
        for number, name in enumerate(study_config.objectives)
    ]
    with tempfile.TemporaryDirectory() as folder:
        for file in plot_study(study, Path(folder), objectives, ids):
            parent.log_artifact(file, "sweep")
    best = best_trials(study)
    if not best:
        logger.warning(f"study {study.study_name}: no trial is complete")
        return
    parent.log_metrics(dict(zip(study_config.objectives, best[0].values, strict=True)))
    if is_too_few(complete_trials(study)):
        logger.warning(FEW_TRIALS.format(len(complete_trials(study))))
    reproduce_line = _write_best_config(study, study_config, best[0], runs, parent, cfg)
    resume = resume_command(study.study_name, overrides, f"trials={2 * len(unique_trials(study))}")
    commands = f"{reproduce_line}  \nResume: `{resume}`"
    text = f"{explanation(study_config)}\n\n{_text(study, study_config, best, ids, commands)}"
    parent.log_text(text, "sweep/best.md")
    parent.describe(text)
    print_result(text)
    for trial in best[: cfg.render_top_k] if study_config.cv is None else ():
        yield Run(parent.store, ids[original_number(trial)])


def explanation(study_config: StudyConfig) -> str:
    """What the parent run of a sweep is, for its description."""
    goals = [f"maximize {name}" for name in study_config.maximize]
    goals += [f"minimize {name}" for name in study_config.minimize]
    children = "each child run is a trial"
    if study_config.cv is not None:
        children += f" and has a child run per fold ({study_config.cv})"
    return (
        f"This run is a hyperparameter search: {children}, with the number in its name. "
        f"Objective: {', '.join(goals)}, on validation songs. The metrics of this run are those of "
        "the best trial. `sweep/` has all trials with their run ids (`trials.csv`), the best ones "
        "(`best.md`), plots, and the best trial as a config file. The curves are in the child runs."
    )


def _table(study: Study, study_config: StudyConfig, ids: Mapping[int, str]) -> pd.DataFrame:
    """One row per trial: number and id of its run, state, duration, objectives, parameters, error.

    The number is that of the run: a trial that is repeated after a kill keeps its number.
    """
    rows = []
    for trial in sorted(unique_trials(study), key=original_number):
        values = trial.values or [float("nan")] * len(study_config.objectives)
        seconds = trial.duration.total_seconds() if trial.duration else float("nan")
        number = original_number(trial)
        row = {"trial": number, "run": ids.get(number, "")}
        row |= {"state": trial.state.name.lower(), "seconds": seconds}
        objectives = dict(zip(study_config.objectives, values, strict=False))
        rows.append({**row, **objectives, **trial.params, "error": trial.user_attrs.get("error")})
    return pd.DataFrame(rows)


def _text(
    study: Study,
    study_config: StudyConfig,
    best: list[FrozenTrial],
    ids: Mapping[int, str],
    commands: str,
) -> str:
    """Markdown: the best trials and the default in a table, then the commands."""
    trials = unique_trials(study)
    states = {state: sum(trial.state is state for trial in trials) for state in TrialState}
    zero = next(trial for trial in trials if original_number(trial) == 0)
    rows = {
        f"trial {original_number(trial)}": _row(study_config, trial, ids)
        for trial in best[:MAX_LISTED_TRIALS]
    }
    rows.setdefault("trial 0", _row(study_config, zero, ids))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("")
    front = "The Pareto front" if len(study_config.objectives) > 1 else "The best trials"
    counts = ", ".join(f"{count} {state.name.lower()}" for state, count in states.items() if count)
    return (
        f"Study {study.study_name}: {counts}. {front}, and trial 0, the default.\n\n"
        f"{to_markdown(table)}\n\n{commands}"
    )


def _row(
    study_config: StudyConfig, trial: FrozenTrial, ids: Mapping[int, str]
) -> dict[str, object]:
    values = trial.values or [float("nan")] * len(study_config.objectives)
    objectives = {
        name: f"{value:.4g}" for name, value in zip(study_config.objectives, values, strict=False)
    }
    run = {"run": ids.get(original_number(trial), "–")[:ID_DIGITS]}
    params = {key: format_param(value) for key, value in trial.params.items()}
    return {**run, **objectives, **params}


def _write_best_config(
    study: Study,
    study_config: StudyConfig,
    trial: FrozenTrial,
    runs: Mapping[int, "MlflowRun"],
    parent: Run,
    cfg: DictConfig,
) -> str:
    """Write the config to the generated ones and the parent; return the reproduce line."""
    name = study.study_name
    overrides = [*study_config.training_overrides, *to_overrides(trial.params)]
    objectives = ", ".join(
        f"{key} {value:.6g}"
        for key, value in zip(study_config.objectives, trial.values, strict=True)
    )
    folds = [] if study_config.cv is None else [f"cv={study_config.cv}"]
    short_overrides = [f"experiment=sweep/{name}", *folds]
    number = original_number(trial)
    threads, locations = _threads(runs[number]), filter(is_location, overrides)
    command = f"{threads} {stage_command('train', [*short_overrides, *locations])}"
    title = f"Trial {number} of the sweep {name}: {objectives}."
    comments = [title, f"{threads} {stage_command('train', short_overrides)}"]
    try:
        text = experiment_config(name, overrides, comments)
    except ValueError as error:
        logger.warning(f"no config file for {name}: {error}")
        return f"Reproduce: `{stage_command('train', [*overrides, *folds])}`"
    parent.log_text(text, f"sweep/{name}.yaml")
    default_folder = generated_config_folder() / "experiment" / "sweep"
    folder = Path(cfg.output_dir) if cfg.output_dir is not None else default_folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    if folder == default_folder and not same_training(
        compose([f"experiment=sweep/{name}"]).cfg, compose(overrides).cfg
    ):
        raise RuntimeError(f"{folder / name}.yaml does not compose the training of trial {number}")
    return f"Reproduce: `{command}`"


def _threads(run: "MlflowRun") -> str:
    """The number of threads as an environment variable: it determines how sums are rounded."""
    return f"OMP_NUM_THREADS={run.data.tags.get(THREADS_TAG, '1')}"


def _trial_runs(parent: Run) -> dict[int, "MlflowRun"]:
    """Run of each trial by the trial's original number; the newest if there are several."""
    runs = reversed(child_runs(parent.store, parent.id))
    return {int(r.data.tags[TRIAL_TAG]): r for r in runs if TRIAL_TAG in r.data.tags}
