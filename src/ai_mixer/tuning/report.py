"""Report of a sweep in its parent run: trials, plots, Pareto front, and the best trial's config."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from ai_mixer.config.folder import generated_config_folder
from ai_mixer.config.stage_command import stage_command
from ai_mixer.tracking import Run
from ai_mixer.tracking.overrides import is_location
from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.tuning.best_config import experiment_config, same_training
from ai_mixer.tuning.objective import THREADS_TAG, TRIAL_TAG, compose
from ai_mixer.tuning.plots import plot_study
from ai_mixer.tuning.resume import resume_command
from ai_mixer.tuning.search_space import to_overrides
from ai_mixer.tuning.study import StudyConfig
from ai_mixer.tuning.trial_queue import original_number, unique_trials
from ai_mixer.tuning.worker import best_trials, format_param
from ai_mixer.utils.log import logger, print_result
from ai_mixer.utils.markdown import to_markdown

MAX_LISTED_TRIALS = 5


def write_report(
    study: Study, study_config: StudyConfig, parent: Run, cfg: DictConfig, overrides: Sequence[str]
) -> Iterator[Run]:
    """Write the report; yield the runs of the best trials, for tables and listening samples."""
    parent.log_table(_table(study, study_config), "sweep/trials.csv")
    with tempfile.TemporaryDirectory() as folder:
        for file in plot_study(study, Path(folder), study_config.objectives):
            parent.log_artifact(file, "sweep")
    best = best_trials(study)
    if not best:
        logger.warning(f"study {study.study_name}: no trial is complete")
        return
    parent.log_metrics(dict(zip(study_config.objectives, best[0].values, strict=True)))
    reproduce_line = _write_best_config(study, study_config, best[0], parent, cfg)
    resume = resume_command(study.study_name, overrides, f"trials={2 * len(unique_trials(study))}")
    text = _text(study, study_config, best, f"{reproduce_line}  \nResume: `{resume}`")
    parent.log_text(text, "sweep/best.md")
    parent.describe(text)
    print_result(text)
    for trial in best[: cfg.render_top_k] if study_config.cv is None else ():
        yield _run(parent, trial)


def _table(study: Study, study_config: StudyConfig) -> pd.DataFrame:
    """One row per trial: state, duration, objectives, parameters, error."""
    rows = []
    for trial in unique_trials(study):
        values = trial.values or [float("nan")] * len(study_config.objectives)
        seconds = trial.duration.total_seconds() if trial.duration else float("nan")
        row = {"trial": trial.number, "state": trial.state.name.lower(), "seconds": seconds}
        objectives = dict(zip(study_config.objectives, values, strict=False))
        rows.append({**row, **objectives, **trial.params, "error": trial.user_attrs.get("error")})
    return pd.DataFrame(rows)


def _text(study: Study, study_config: StudyConfig, best: list[FrozenTrial], commands: str) -> str:
    """Markdown: the best trials and the default in a table, then the commands."""
    trials = unique_trials(study)
    states = {state: sum(trial.state is state for trial in trials) for state in TrialState}
    zero = next(trial for trial in trials if original_number(trial) == 0)
    rows = {
        f"trial {trial.number}": _row(study_config, trial) for trial in best[:MAX_LISTED_TRIALS]
    }
    rows.setdefault(f"trial {zero.number}", _row(study_config, zero))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("")
    front = "The Pareto front" if len(study_config.objectives) > 1 else "The best trials"
    counts = ", ".join(f"{count} {state.name.lower()}" for state, count in states.items() if count)
    return (
        f"Study {study.study_name}: {counts}. {front}, and trial {zero.number}, the default.\n\n"
        f"{to_markdown(table)}\n\n{commands}"
    )


def _row(study_config: StudyConfig, trial: FrozenTrial) -> dict[str, object]:
    values = trial.values or [float("nan")] * len(study_config.objectives)
    objectives = {
        name: f"{value:.4g}" for name, value in zip(study_config.objectives, values, strict=False)
    }
    return {**objectives, **{key: format_param(value) for key, value in trial.params.items()}}


def _write_best_config(
    study: Study, study_config: StudyConfig, trial: FrozenTrial, parent: Run, cfg: DictConfig
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
    threads, locations = _threads(parent, trial), filter(is_location, overrides)
    command = f"{threads} {stage_command('train', [*short_overrides, *locations])}"
    title = f"Trial {trial.number} of the sweep {name}: {objectives}."
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
        raise RuntimeError(
            f"{folder / name}.yaml does not compose the training of trial {trial.number}"
        )
    return f"Reproduce: `{command}`"


def _threads(parent: Run, trial: FrozenTrial) -> str:
    """The number of threads as an environment variable: it determines how sums are rounded."""
    return f"OMP_NUM_THREADS={_run(parent, trial).tags.get(THREADS_TAG, '1')}"


def _run(parent: Run, trial: FrozenTrial) -> Run:
    """The trial's run; the newest if there are several."""
    for run in child_runs(parent.store, parent.id):
        if run.data.tags.get(TRIAL_TAG) == str(original_number(trial)):
            return Run(parent.store, run.info.run_id)
    raise LookupError(f"trial {trial.number} has no run in {parent.store.folder}")
