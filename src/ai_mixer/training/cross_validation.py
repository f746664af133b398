"""Cross-validation (`make train cv=5`): a child run per fold, and the mean over the folds."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ai_mixer.config.overrides import without_keys
from ai_mixer.config.renamed_metrics import translate_metrics
from ai_mixer.config.stage_command import stage_command
from ai_mixer.core.metric_names import result_name
from ai_mixer.core.types import CONDITIONS
from ai_mixer.data.splits import SPLITS
from ai_mixer.inference.builders import build_any_console
from ai_mixer.metrics.statistics import fold_interval, reportable
from ai_mixer.metrics.tables import table_k
from ai_mixer.tracking import Run
from ai_mixer.tracking.resume_points import save_overrides
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.tracking.run_lookup import FOLD_PARAM, FOLDS_TAG, child_runs
from ai_mixer.training.builders import build_datamodule, raw_override_value
from ai_mixer.training.finetune import find_initial_weights
from ai_mixer.training.parent_run import (
    TrainFunction,
    check_single_process,
    continue_child,
    open_parent,
)
from ai_mixer.training.resume import find_resume_point
from ai_mixer.utils.log import logger, print_result
from ai_mixer.utils.markdown import HIGH, LOW, SONGS, to_markdown
from ai_mixer.utils.signals import handle_stop_signals

MIN_FOLDS = 3  # val and test are one fold each, train the others
EXPLANATION = (
    "This run is a cross-validation of {folds} folds; each child run is the training of one fold, "
    "tested on another part of the songs. Its metrics are means over the folds, with the ends of "
    "the 95 % interval as `_low` and `_high`. The curves and models are in the child runs."
)
INTERVAL_NOTE = (
    "Mean over {folds} folds and its 95 % interval by Student's t with {free} degrees of freedom. "
    "The folds share training songs, so the interval is slightly too narrow (Bengio & Grandvalet, "
    "JMLR 2004)."
)


def cross_validate(
    train: TrainFunction,
    cfg: DictConfig,
    defaults: DictConfig,
    overrides: Sequence[str],
    choices: dict[str, str],
    parent_id: str | None = None,
    *,
    tags: Mapping[str, str] | None = None,
) -> Run:
    """Train and evaluate `cfg.cv` folds, one after the other. Returns the finished parent run.

    train: function that trains one fold (`cli.pipeline.train`); the other arguments are passed to
    it. parent_id, tags: of the run itself, if it is a repeat with another seed. With `ckpt_path=`
    of an interrupted parent, finished folds are skipped, the interrupted one is resumed and missing
    ones are trained. SystemExit 130 or 143 if stopped by a signal.
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
        open_parent(cfg, start.run_id, FOLDS_TAG, "folds", parent_id, dict(tags or {})) as parent,
    ):
        own_overrides = [*fold_overrides, f"cv={cfg.cv}"]
        save_overrides(parent, own_overrides)
        parent.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
        command = f"Command: `{stage_command('train', own_overrides)}` (seed {cfg.seed})."
        command = f"{EXPLANATION.format(folds=cfg.cv)}\n\n{command}"
        parent.describe(command)
        if "data" in choices:
            parent.log_params({"group": {"data": choices["data"]}})
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
    check_single_process(cfg, FOLDS_TAG)
    first = _fold_config(cfg, f"0/{cfg.cv}")
    if cfg.init_from is not None:
        find_initial_weights(
            first, raw_override_value(overrides, "init_from") or str(cfg.init_from)
        )
    data = build_datamodule(first, build_any_console(first))
    for split in SPLITS:
        data.songs(split)


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
    if continue_child(fold_cfg, overrides, previous):
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
    _tag_songs(parent)
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
    counts = pd.concat([_song_counts(run) for run in runs.values()]).groupby(level=0).sum()
    for name in CONDITIONS:
        table[name + SONGS] = counts[name].reindex(rows).fillna(0)
    table = reportable(table)
    text = INTERVAL_NOTE.format(folds=len(folds), free=len(folds) - 1)
    text = f"## Knob skill and closeness over folds\n{text}\n\n{to_markdown(table)}"
    parent.log_table(pd.concat(folds, names=["fold"]).reset_index(), "eval/folds.csv")
    parent.log_table(table.reset_index(), "eval/knobs.csv")
    parent.log_text(text, "eval/tables.md")
    parent.log_metrics(_fold_mean_metrics(table))
    parent.describe(f"{command}\n\n{text}")
    print_result(f"\n{text}")


def _tag_songs(parent: Run) -> None:
    """Tag the digest of all songs, whichever fold they are in: reports compare equal sets only."""
    folders = [artifact_folder(r.info.artifact_uri) for r in child_runs(parent.store, parent.id)]
    files = [folder / "split.csv" for folder in folders if (folder / "split.csv").is_file()]
    if files:
        songs = sorted(set().union(*(pd.read_csv(file)["audio"] for file in files)))
        digest = hashlib.sha256("\n".join(songs).encode()).hexdigest()[:16]
        parent.set_tags({"data.digest": digest, "data.songs": len(songs)})


def _skills(run: Any) -> pd.DataFrame:
    """Skill of one fold per knob and condition, and a row for closeness (protocol A).

    Also of a fold with too few songs for a table of its own.
    """
    skills = _column_by_condition(run, "skill")
    return pd.concat([skills, _closeness(run).to_frame("closeness").T])


def _closeness(run: Any) -> pd.Series:
    """Closeness of one fold by condition; NaN for a condition that is missing."""
    metrics = translate_metrics(run.data.metrics)
    names = {name: result_name("test", "closeness", name) for name in CONDITIONS}
    return pd.Series({name: metrics.get(metric) for name, metric in names.items()}, dtype=float)


def _song_counts(run: Any) -> pd.DataFrame:
    """Number of songs of one fold per knob and condition, and for closeness."""
    counts = _column_by_condition(run, "songs")
    return pd.concat([counts, counts.max().to_frame("closeness").T])


def _column_by_condition(run: Any, number: str) -> pd.DataFrame:
    """A column of table K of one fold by condition; NaN for a condition that is missing."""
    records = pd.read_csv(artifact_folder(run.info.artifact_uri) / "eval/records.csv")
    knobs = table_k(records, n_resamples=1)
    known = {name: knobs[name, number] for name in CONDITIONS if (name, number) in knobs}
    return pd.DataFrame(known, index=knobs.index).reindex(columns=list(CONDITIONS))


def _fold_mean_metrics(table: pd.DataFrame) -> dict[str, float]:
    """Mean metrics with the names of a single training, so that the UI has one column for both."""
    names = {"headline": "skill", "closeness": "closeness"}
    counts = table.loc[["closeness"], [name + SONGS for name in CONDITIONS]].to_numpy(float)
    songs = {result_name("test", "songs"): float(counts.max())}
    return songs | {
        result_name("test", f"{name}{end}", condition): float(table[condition + end][row])
        for row, name in names.items()
        for condition in CONDITIONS
        for end in ("", LOW, HIGH)
    }
