"""What a sweep leaves in its parent run: trials, pictures, the front, and the page of the best."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from ai_mixer.config.folder import config_folder
from ai_mixer.config.override_errors import command_line
from ai_mixer.tracking import Run
from ai_mixer.tracking.overrides import is_location
from ai_mixer.tracking.run_lookup import children
from ai_mixer.tuning.best_config import experiment_page, same_training
from ai_mixer.tuning.objective import THREADS, TRIAL, compose
from ai_mixer.tuning.plots import draw
from ai_mixer.tuning.resume import to_go_on
from ai_mixer.tuning.search_space import words
from ai_mixer.tuning.study import Plan
from ai_mixer.tuning.trial_queue import counted, origin
from ai_mixer.tuning.worker import best_first, short
from ai_mixer.utils.markdown import to_markdown

SHOWN = 5


def report(
    study: Study, plan: Plan, parent: Run, cfg: DictConfig, typed: Sequence[str]
) -> Iterator[Run]:
    """Write it down; yields the runs of the best trials, for tables and listening samples."""
    parent.log_table(_table(study, plan), "sweep/trials.csv")
    with tempfile.TemporaryDirectory() as folder:
        for file in draw(study, Path(folder), plan.objectives):
            parent.log_artifact(file, "sweep")
    best = best_first(study)
    if not best:
        print(f"study {study.study_name}: no trial came to its end", flush=True)
        return
    parent.log_metrics(dict(zip(plan.objectives, best[0].values, strict=True)))
    again = _write_page(study, plan, best[0], parent, cfg)
    more = to_go_on(study.study_name, typed, f"trials={2 * len(counted(study))}")
    text = _text(study, plan, best, f"{again}  \nGo on: `{more}`")
    parent.log_text(text, "sweep/best.md")
    parent.describe(text)
    print(text, flush=True)
    for trial in best[: cfg.listen] if plan.cv is None else ():
        yield _run(parent, trial)


def _table(study: Study, plan: Plan) -> pd.DataFrame:
    """A row for each trial: state, figures, values, seconds."""
    rows = []
    for trial in counted(study):
        values = trial.values or [float("nan")] * len(plan.objectives)
        seconds = trial.duration.total_seconds() if trial.duration else float("nan")
        known = {"trial": trial.number, "state": trial.state.name.lower(), "seconds": seconds}
        figures = dict(zip(plan.objectives, values, strict=False))
        rows.append({**known, **figures, **trial.params, "error": trial.user_attrs.get("error")})
    return pd.DataFrame(rows)


def _text(study: Study, plan: Plan, best: list[FrozenTrial], then: str) -> str:
    """The best trials beside the default, and what to type then; as Markdown."""
    trials = counted(study)
    states = {state: sum(trial.state is state for trial in trials) for state in TrialState}
    zero = next(trial for trial in trials if origin(trial) == 0)
    rows = {f"trial {trial.number}": _row(plan, trial) for trial in best[:SHOWN]}
    rows.setdefault(f"trial {zero.number}", _row(plan, zero))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("")
    front = "The Pareto front" if len(plan.objectives) > 1 else "The best"
    counts = ", ".join(f"{count} {state.name.lower()}" for state, count in states.items() if count)
    return (
        f"Study {study.study_name}: {counts}. {front}, and trial {zero.number}, the default.\n\n"
        f"{to_markdown(table)}\n\n{then}"
    )


def _row(plan: Plan, trial: FrozenTrial) -> dict[str, object]:
    values = trial.values or [float("nan")] * len(plan.objectives)
    figures = {name: f"{value:.4g}" for name, value in zip(plan.objectives, values, strict=False)}
    return {**figures, **{key: short(value) for key, value in trial.params.items()}}


def _write_page(study: Study, plan: Plan, trial: FrozenTrial, parent: Run, cfg: DictConfig) -> str:
    """The page in configs/experiment/sweep and in the parent; what to type for it."""
    name = study.study_name
    asked = [*plan.words, *words(trial.params)]
    figures = ", ".join(
        f"{key} {value:.6g}" for key, value in zip(plan.objectives, trial.values, strict=True)
    )
    folds = [] if plan.cv is None else [f"cv={plan.cv}"]
    short_words = [f"experiment=sweep/{name}", *folds]
    threads, own = _threads(parent, trial), filter(is_location, asked)
    command = f"{threads} {command_line([*short_words, *own])}"
    title = f"Trial {trial.number} of the sweep {name}: {figures}."
    comments = [title, f"{threads} {command_line(short_words)}"]
    try:
        page = experiment_page(name, asked, comments)
    except ValueError as error:
        print(f"no page for {name}: {error}", file=sys.stderr, flush=True)
        return f"Make it again: `{command_line([*asked, *folds])}`"
    parent.log_text(page, f"sweep/{name}.yaml")
    home = config_folder() / "experiment" / "sweep"
    folder = Path(cfg.pages) if cfg.pages is not None else home
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(page, encoding="utf-8")
    if folder == home and not same_training(
        compose([f"experiment=sweep/{name}"]).cfg, compose(asked).cfg
    ):
        raise RuntimeError(f"{folder / name}.yaml does not compose what trial {trial.number} did")
    return f"Make it again: `{command}`"


def _threads(parent: Run, trial: FrozenTrial) -> str:
    """How sums are rounded depends on the number of threads: cores, shared by the workers."""
    return f"OMP_NUM_THREADS={_run(parent, trial).tags.get(THREADS, '1')}"


def _run(parent: Run, trial: FrozenTrial) -> Run:
    """The trial's run; the newest where it was begun twice."""
    for run in children(parent.store, parent.id):
        if run.data.tags.get(TRIAL) == str(origin(trial)):
            return Run(parent.store, run.info.run_id)
    raise LookupError(f"trial {trial.number} has no run in {parent.store.folder}")
