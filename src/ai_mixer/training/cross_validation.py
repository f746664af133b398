"""Cross-validation (`make train cv=5`): a child run per fold, and the mean over the folds."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ai_mixer.config.overrides import without_keys
from ai_mixer.config.stage_command import stage_command
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
from ai_mixer.utils.log import logger, print_result
from ai_mixer.utils.markdown import HIGH, LOW, to_markdown
from ai_mixer.utils.signals import handle_stop_signals

MIN_FOLDS = 3  # val and test are one fold each, train the others
INTERVAL_NOTE = (
    "Mean over {folds} folds and its 95 % interval by Student's t with {free} degrees of freedom. "
    "The folds share training songs, so the interval is slightly too narrow (Bengio & Grandvalet, "
    "JMLR 2004)."
)

TrainFunction = Callable[..., Run]


def cross_validate(
    train: TrainFunction,
    cfg: DictConfig,
    defaults: DictConfig,
    overrides: Sequence[str],
    choices: dict[str, str],
) -> Run:
    """Train and evaluate `cfg.cv` folds, one after the other. Returns the finished parent run.

    train: function that trains one fold (`cli.pipeline.train`); the other arguments are passed to
    it. With `ckpt_path=` of an interrupted parent, finished folds are skipped, the interrupted one
    is resumed and missing ones are trained. SystemExit 130 or 143 if stopped by a signal.
    """
    _check(cfg, overrides)
    start = find_resume_point(cfg, overrides)
    if start.run_id is None and start.checkpoint is not None:
        raise ValueError(
            f"ckpt_path={cfg.ckpt_path}: cv={cfg.cv} cannot start from a checkpoint; "
            "give the id of an interrupted cross-validation"
        )
    fold_overrides = without_keys(overrides, "ckpt_path", "cv")
    with (
        handle_stop_signals(f"resume with `{stage_command('train', ['ckpt_path=last'])}`"),
        _open(cfg, start.run_id) as parent,
    ):
        own_overrides = [*fold_overrides, f"cv={cfg.cv}"]
        save_overrides(parent, own_overrides)
        parent.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
        command = f"Command: `{stage_command('train', own_overrides)}` (seed {cfg.seed})."
        parent.describe(command)
        for fold in range(cfg.cv):
            _train_fold(train, cfg, defaults, fold_overrides, choices, parent, f"{fold}/{cfg.cv}")
        _report(cfg, parent, command)
    return parent


def _check(cfg: DictConfig, overrides: Sequence[str]) -> None:
    """Raise ValueError, before a run is created, if the folds cannot be trained."""
    if not isinstance(cfg.cv, int) or cfg.cv < MIN_FOLDS:
        raise ValueError(f"cv={cfg.cv}: give a number of folds, {MIN_FOLDS} or more")
    if "fold" not in cfg.data:
        raise ValueError(f"cv={cfg.cv}: data={cfg.data.name} has no folds (no key data.fold)")
    if cfg.data.fold is not None:
        raise ValueError(f"cv={cfg.cv} trains all folds: remove data.fold={cfg.data.fold}")
    if cfg.trainer.devices != 1:
        raise ValueError(f"cv={cfg.cv} trains in one process: give trainer.devices=1")
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
                f"run {run_id[:8]} is not a cross-validation of {cfg.cv} folds: "
                "remove ckpt_path or cv"
            )
        run = Run.resume(store, run_id)
    logger.info("%srun %s (%d folds)", "resuming " if run.resumed else "", run.id, cfg.cv)
    return run


def _train_fold(
    train: TrainFunction,
    cfg: DictConfig,
    defaults: DictConfig,
    overrides: list[str],
    choices: dict[str, str],
    parent: Run,
    fold: str,
) -> None:
    """Train or resume one fold; a finished one is skipped."""
    fold_cfg, overrides = _fold_config(cfg, fold), [*overrides, f"{FOLD_PARAM}={fold}"]
    children = child_runs(parent.store, parent.id)
    previous = next((run for run in children if run.data.params.get(FOLD_PARAM) == fold), None)
    if previous is not None:
        if previous.info.status == "FINISHED":
            return
        fold_cfg.ckpt_path = previous.info.run_id
        overrides.append(f"ckpt_path={fold_cfg.ckpt_path}")
    logger.info("fold %s", fold)
    train(fold_cfg, defaults, overrides, choices, parent.id)


def _fold_config(cfg: DictConfig, fold: str) -> DictConfig:
    fold_cfg = cfg.copy()
    fold_cfg.cv = fold_cfg.ckpt_path = None
    fold_cfg.data.fold = fold
    fold_cfg.run_name = f"{cfg.run_name}, fold {fold}"
    return fold_cfg


def _report(cfg: DictConfig, parent: Run, command: str) -> None:
    """Log the mean over the folds as tables and metrics of the parent run."""
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
    parent.describe(f"{command}\n\n{text}")
    print_result(f"\n{text}")


def _skills(run: Any) -> pd.DataFrame:
    """Skill of one fold per knob and condition, and a row for closeness (protocol A)."""
    knobs = pd.read_csv(artifact_folder(run.info.artifact_uri) / "eval/knobs.csv", index_col="knob")
    skills = knobs.reindex(columns=[f"{name} skill" for name in CONDITIONS])  # NaN if missing
    skills = skills.set_axis(list(CONDITIONS), axis=1)
    closeness = {name: run.data.metrics.get(f"test/closeness_{name}") for name in CONDITIONS}
    return pd.concat([skills, pd.DataFrame(closeness, index=["closeness"])])


def _fold_mean_metrics(table: pd.DataFrame) -> dict[str, float]:
    """Mean metrics with the names of a single training, so that the UI has one column for both."""
    names = {"headline": "test/skill", "closeness": "test/closeness"}
    return {
        f"{name}{end}_{condition}": float(table[condition + end][row])
        for row, name in names.items()
        for condition in CONDITIONS
        for end in ("", LOW, HIGH)
    }
