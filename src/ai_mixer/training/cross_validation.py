"""`make train cv=5`: a training per fold, children of one run, and the mean over them."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ai_mixer.config.overrides import format_make_command, without_keys
from ai_mixer.core.types import CONDITIONS
from ai_mixer.data.splits import SPLITS
from ai_mixer.inference.builders import build_console
from ai_mixer.metrics.statistics import fold_interval
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.resume_points import save_overrides
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.tracking.run_lookup import FOLD_PARAM, FOLDS_TAG, child_runs
from ai_mixer.training.builders import build_datamodule, raw_override_value
from ai_mixer.training.finetune import find_initial_weights
from ai_mixer.training.resume import find_resume_point
from ai_mixer.utils.markdown import HIGH, LOW, to_markdown
from ai_mixer.utils.signals import handle_stop_signals

MIN_FOLDS = 3  # train, val and test are folds of their own
INTERVAL_NOTE = (
    "Mean over {folds} folds and its 95 % interval by Student's t with {free} degrees of freedom. "
    "The folds share training songs, so it is a little too narrow (Bengio & Grandvalet, JMLR 2004)."
)

TrainFunction = Callable[..., Run]


def cross_validate(
    train: TrainFunction,
    cfg: DictConfig,
    defaults: DictConfig,
    overrides: Sequence[str],
    choices: dict[str, str],
) -> Run:
    """Train and judge `cfg.cv` folds, one after the other. Returns the finished parent run.

    train: trains one of them (`stages.train.train`); the other arguments are its own. With
    `ckpt_path=` of an interrupted parent, finished folds are kept, the interrupted one is resumed
    and the missing ones are trained. SystemExit 130 or 143 if it is stopped by a signal.
    """
    _check(cfg, overrides)
    start = find_resume_point(cfg, overrides)
    if start.run_id is None and start.checkpoint is not None:
        raise ValueError(
            f"ckpt_path={cfg.ckpt_path}: cv={cfg.cv} trains anew, it starts from no checkpoint"
        )
    words = without_keys(overrides, "ckpt_path", "cv")
    with (
        handle_stop_signals("`make train ckpt_path=last` goes on"),
        _open(cfg, start.run_id) as parent,
    ):
        save_overrides(parent, [*words, f"cv={cfg.cv}"])
        parent.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
        again = (
            f"Make it again: `{format_make_command([*words, f'cv={cfg.cv}'])}` (seed {cfg.seed})."
        )
        parent.describe(again)
        for fold in range(cfg.cv):
            _train_fold(train, cfg, defaults, words, choices, parent, f"{fold}/{cfg.cv}")
        _report(cfg, parent, again)
    return parent


def _check(cfg: DictConfig, overrides: Sequence[str]) -> None:
    """What is wrong with it is said before a run is opened."""
    if not isinstance(cfg.cv, int) or cfg.cv < MIN_FOLDS:
        raise ValueError(f"cv={cfg.cv}: a number of folds, {MIN_FOLDS} or more")
    if "fold" not in cfg.data:
        raise ValueError(f"cv={cfg.cv}: data={cfg.data.name} has no folds (no key data.fold)")
    if cfg.data.fold is not None:
        raise ValueError(f"cv={cfg.cv} runs all folds: leave data.fold={cfg.data.fold} out")
    if cfg.trainer.devices != 1:
        raise ValueError(f"cv={cfg.cv} trains in one process: trainer.devices=1")
    first = _fold_config(cfg, f"0/{cfg.cv}")
    if cfg.init_from is not None:
        find_initial_weights(
            first, raw_override_value(overrides, "init_from") or str(cfg.init_from)
        )
    data = build_datamodule(first, build_console(first))
    for split in SPLITS:
        data.songs(split)


def _open(cfg: DictConfig, run_id: str | None) -> Run:
    store = Store(cfg.paths.mlruns)
    if run_id is None:
        name, tags = f"{cfg.run_name}, {cfg.cv} folds", {FOLDS_TAG: str(cfg.cv)}
        run = Run.start(store, cfg.experiment_name, name, tags)
    else:
        folds = store.client.get_run(run_id).data.tags.get(FOLDS_TAG)
        if folds != str(cfg.cv):
            raise ValueError(
                f"run {run_id[:8]} is no run of {cfg.cv} folds: leave out ckpt_path or cv"
            )
        run = Run.resume(store, run_id)
    print(f"run {run.id} ({cfg.cv} folds){', goes on' if run.resumed else ''}", flush=True)
    return run


def _train_fold(
    train: TrainFunction,
    cfg: DictConfig,
    defaults: DictConfig,
    words: list[str],
    choices: dict[str, str],
    parent: Run,
    fold: str,
) -> None:
    """One child; none if it is finished already."""
    mine, said = _fold_config(cfg, fold), [*words, f"{FOLD_PARAM}={fold}"]
    before = [
        run
        for run in child_runs(parent.store, parent.id)
        if run.data.params.get(FOLD_PARAM) == fold
    ]
    if before:
        if before[0].info.status == "FINISHED":
            return
        mine.ckpt_path = before[0].info.run_id
        said.append(f"ckpt_path={mine.ckpt_path}")
    print(f"fold {fold}", file=sys.stderr, flush=True)
    train(mine, defaults, said, choices, parent.id)


def _fold_config(cfg: DictConfig, fold: str) -> DictConfig:
    mine = cfg.copy()
    mine.cv = mine.ckpt_path = None
    mine.data.fold = fold
    mine.run_name = f"{cfg.run_name}, fold {fold}"
    return mine


def _report(cfg: DictConfig, parent: Run, again: str) -> None:
    """The mean over the folds: tables and figures of the parent, and on the screen."""
    if cfg.evaluate is None:
        return
    runs = {run.data.params[FOLD_PARAM]: run for run in child_runs(parent.store, parent.id)}
    folds = {fold: _skills(runs[fold]) for fold in sorted(runs)}
    rows = list(dict.fromkeys(row for fold in folds.values() for row in fold.index))
    values = np.stack([fold.reindex(rows).to_numpy(float) for fold in folds.values()])
    numbers = zip(("", LOW, HIGH), fold_interval(values), strict=True)
    columns = {
        name + end: number[:, column]
        for end, number in numbers
        for column, name in enumerate(CONDITIONS)
    }
    table = pd.DataFrame(columns, index=pd.Index(rows, name="knob"))
    text = INTERVAL_NOTE.format(folds=len(folds), free=len(folds) - 1)
    text = f"## Knob skill and closeness over folds\n{text}\n\n{to_markdown(table)}"
    parent.log_table(pd.concat(folds, names=["fold"]).reset_index(), "eval/folds.csv")
    parent.log_table(table.reset_index(), "eval/knobs.csv")
    parent.log_text(text, "eval/tables.md")
    parent.log_metrics(_fold_mean_metrics(table))
    parent.describe(f"{again}\n\n{text}")
    print(f"\n{text}")


def _skills(run: Any) -> pd.DataFrame:
    """One fold: skill per knob and condition, and a row for closeness (protocol A)."""
    knobs = pd.read_csv(artifact_folder(run.info.artifact_uri) / "eval/knobs.csv", index_col="knob")
    found = knobs.reindex(columns=[f"{name} skill" for name in CONDITIONS])  # else not known
    skills = found.set_axis(list(CONDITIONS), axis=1)
    closeness = {name: run.data.metrics.get(f"test/closeness_{name}") for name in CONDITIONS}
    return pd.concat([skills, pd.DataFrame(closeness, index=["closeness"])])


def _fold_mean_metrics(table: pd.DataFrame) -> dict[str, float]:
    """As a training calls them, so that a parent's column in the UI is its mean."""
    names = {"headline": "test/skill", "closeness": "test/closeness"}
    return {
        f"{name}{end}_{condition}": float(table[condition + end][row])
        for row, name in names.items()
        for condition in CONDITIONS
        for end in ("", LOW, HIGH)
    }
