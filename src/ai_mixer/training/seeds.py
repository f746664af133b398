"""Repeat a training with several seeds (`make train seeds=3`): a child run each, and the mean."""

from collections.abc import Sequence

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ai_mixer.config.overrides import without_keys
from ai_mixer.config.stage_command import stage_command
from ai_mixer.tracking import Run, list_runs
from ai_mixer.tracking.aggregate import MEASURES, SONGS_COLUMN, aggregate_runs, metric_name
from ai_mixer.tracking.report import report_text
from ai_mixer.tracking.resume_points import save_overrides
from ai_mixer.tracking.run_lookup import SEED_TAG, SEEDS_TAG, child_runs
from ai_mixer.training.parent_run import (
    TrainFunction,
    check_single_process,
    continue_child,
    open_parent,
)
from ai_mixer.training.resume import find_resume_point
from ai_mixer.utils.log import logger, print_result
from ai_mixer.utils.markdown import HIGH, LOW
from ai_mixer.utils.signals import handle_stop_signals

MIN_SEEDS = 2
EXPLANATION = (
    "This run repeats one training with the seeds {seeds}; each child run is one of them. Its "
    "metrics are means over the seeds, with the ends of the 95 % interval (Student's t) as `_low` "
    "and `_high`. The curves are in the child runs. `{report}` lists them as one row."
)


def train_seeds(
    train: TrainFunction,
    cfg: DictConfig,
    defaults: DictConfig,
    overrides: Sequence[str],
    choices: dict[str, str],
) -> Run:
    """Train with `seeds` seeds: `seed`, `seed` + 1, … Returns the finished parent run.

    train: trains one seed (`cli.pipeline.train`, or a cross-validation); the other arguments are
    passed to it. With `ckpt_path=` of an interrupted parent, finished seeds are skipped, the
    interrupted one is resumed and missing ones are trained. SystemExit 130 or 143 if stopped by a
    signal.
    """
    _check(cfg)
    start = find_resume_point(cfg, overrides)
    if start.run_id is None and start.checkpoint is not None:
        raise ValueError(
            f"ckpt_path={cfg.ckpt_path}: seeds={cfg.seeds} cannot start from a checkpoint; "
            "give the id of an interrupted run with seeds"
        )
    shared = without_keys(overrides, "ckpt_path", "seeds", "seed")
    seeds = range(cfg.seed, cfg.seed + cfg.seeds)
    with (
        handle_stop_signals(f"resume with `{stage_command('train', ['ckpt_path=last'])}`"),
        open_parent(cfg, start.run_id, SEEDS_TAG, "seeds") as parent,
    ):
        own = [*shared, f"seed={cfg.seed}", f"seeds={cfg.seeds}"]
        save_overrides(parent, own)
        parent.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
        text = EXPLANATION.format(seeds=", ".join(map(str, seeds)), report=stage_command("report"))
        text += f"\n\nCommand: `{stage_command('train', own)}`."
        parent.describe(text)
        for seed in seeds:
            _train_seed(train, cfg, defaults, [*shared, f"seed={seed}"], choices, parent, seed)
        _report(cfg, parent, text)
    return parent


def _check(cfg: DictConfig) -> None:
    """Raise ValueError, before a run is created, if the seeds cannot be trained."""
    if not isinstance(cfg.seeds, int) or isinstance(cfg.seeds, bool) or cfg.seeds < MIN_SEEDS:
        raise ValueError(f"seeds={cfg.seeds}: give a number of seeds, {MIN_SEEDS} or more")
    check_single_process(cfg, SEEDS_TAG)


def _train_seed(
    train: TrainFunction,
    cfg: DictConfig,
    defaults: DictConfig,
    overrides: list[str],
    choices: dict[str, str],
    parent: Run,
    seed: int,
) -> None:
    """Train or resume one seed; a finished one is skipped."""
    seed_cfg = cfg.copy()
    seed_cfg.seeds = seed_cfg.ckpt_path = None
    seed_cfg.seed, seed_cfg.run_name = seed, f"{cfg.run_name}, seed {seed}"
    children = child_runs(parent.store, parent.id)
    tags = {SEED_TAG: str(seed)}
    previous = next((run for run in children if tags.items() <= run.data.tags.items()), None)
    if continue_child(seed_cfg, overrides, previous):
        logger.info("seed %d", seed)
        train(seed_cfg, defaults, overrides, choices, parent.id, tags=tags)


def _report(cfg: DictConfig, parent: Run, text: str) -> None:
    """Log the mean over the seeds as tables and metrics of the parent run."""
    if cfg.evaluate is None:
        return
    runs = list_runs(parent.store)
    runs = runs[runs["parent"] == parent.id]
    run_table = aggregate_runs(runs)
    columns = ["run_id", "name", *(name for m in MEASURES if (name := metric_name(m)) in runs)]
    parent.log_table(runs[columns].iloc[::-1], "eval/seeds.csv")
    row = run_table.table.iloc[0] if len(run_table.table) else pd.Series(dtype=float)
    means = {
        metric_name(measure, end).removeprefix("metrics."): float(row[measure + end])
        for measure in MEASURES
        for end in ("", LOW, HIGH)
        if measure + end in row and pd.notna(row[measure + end])
    }
    if SONGS_COLUMN in runs:
        means[SONGS_COLUMN.removeprefix("metrics.")] = float(runs[SONGS_COLUMN].min())
    parent.log_metrics(means)
    table = report_text(run_table)
    parent.log_text(table, "eval/tables.md")
    parent.describe(f"{text}\n\n{table}")
    print_result(f"\n{table}")
