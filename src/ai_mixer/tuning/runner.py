"""A sweep from its first word to its last: a new study, one gone on with, or one worked for.

The process that was started is a worker like the others. It starts them, by the command line that
anybody could give (`join=<study>`), and at the end makes what is made once: pictures, the page.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import optuna
import torch
from omegaconf import DictConfig, OmegaConf
from optuna import Study
from optuna.storages import BaseStorage

from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.process_info import still_writes
from ai_mixer.tuning.cluster import submit
from ai_mixer.tuning.grid_sampler import Grid
from ai_mixer.tuning.objective import Train, TrainTrial
from ai_mixer.tuning.report import report
from ai_mixer.tuning.resume import to_go_on
from ai_mixer.tuning.search_space import Param, Space
from ai_mixer.tuning.storage import journal_file, open_storage
from ai_mixer.tuning.study import (
    Plan,
    begin,
    build_pruner,
    build_sampler,
    check_pruner,
    check_same,
    load,
    quiet_optuna,
)
from ai_mixer.tuning.sweep_request import Draft, check_name, draft
from ai_mixer.tuning.trial_queue import fill, unfinished
from ai_mixer.tuning.worker import Patience, work
from ai_mixer.utils.signals import stoppable

STAGE = (sys.executable, "-m", "ai_mixer.cli.stages.sweep")
Judge = Callable[[Run], None]
"""Tables and listening samples for a trial's run, once it is among the best."""
SWEEP = "sweep"  # tag of the parent: the study's name


def sweep(
    cfg: DictConfig,
    typed: Sequence[str],
    train: Train,
    judge: Judge,
    check: Callable[[DictConfig], None],
    command: Sequence[str] = STAGE,
) -> Study:
    """What `cfg` (configs/stage/sweep.yaml) asks for; returns the study when all trials are told.

    typed: the words of the command line, of a study gone on with its own first; train: one trial's
    training; judge: tables for the best; check: refuses a training that could not begin; command:
    what starts another worker. ValueError or OSError in one line; SystemExit if stopped by a
    signal.
    """
    with quiet_optuna():
        asked = draft(cfg, typed)
        pruner = build_pruner(cfg)
        check_pruner(pruner, asked.plan)
        if cfg.trainer.devices != 1:
            raise ValueError("a trial trains in one process: trainer.devices=1")
        if cfg.join is not None:
            study, plan = load(_storage(cfg, cfg.join), cfg.join)
            check_same(cfg.join, plan, asked.plan)
            if cfg.cluster is not None:
                _submit(cfg, study, command)
                then = to_go_on(study.study_name, typed)
                print(f"when they are done: {then}", flush=True)
                return study
            told = _work(cfg, study, plan, asked, train, typed)
            print(f"study {cfg.join}: nothing left to take ({told} by this worker)", flush=True)
            return study
        if cfg.resume is None:
            study, plan, parent = _begin(cfg, asked, check, typed)
        else:
            study, plan, parent = _go_on(cfg, asked)
        with stoppable(_hint(study, typed)), parent:
            with _others(cfg, study, command):
                _work(cfg, study, plan, asked, train, typed)
            for run in report(study, plan, parent, cfg, typed):
                judge(run)
        return study


def _begin(
    cfg: DictConfig, asked: Draft, check: Callable[[DictConfig], None], typed: Sequence[str]
) -> tuple[Study, Plan, Run]:
    points, trials = _first(cfg, asked)
    name = check_name(str(cfg.study)) if cfg.study is not None else _free_name(cfg)
    storage = _storage(cfg, name)
    if name in optuna.get_all_study_names(storage):
        raise ValueError(
            f"study={name} exists: make sweep resume={name} goes on with it, "
            "or give another name, study=…"
        )
    check(cfg)
    for note in asked.notes:
        print(note, file=sys.stderr, flush=True)
    parent = Run.start(Store(cfg.paths.mlruns), cfg.experiment_name, name, {SWEEP: name})
    plan = replace(asked.plan, parent=parent.id)
    parent.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
    parent.describe(f"Go on with it: `{to_go_on(name, typed)}`")
    study = begin(storage, name, plan, trials, points)
    print(f"study {name}: {trials} trials, run {parent.id}", flush=True)
    return study, plan, parent


def _go_on(cfg: DictConfig, asked: Draft) -> tuple[Study, Plan, Run]:
    name = str(cfg.resume)
    study, plan = load(_storage(cfg, name), name)
    check_same(name, plan, asked.plan)
    store = Store(cfg.paths.mlruns)
    before = store.client.get_run(plan.parent)
    if before.info.status == "RUNNING" and still_writes(before.data.tags):
        raise ValueError(
            f"study {name} is being led by process {before.data.tags['process.pid']}: "
            f"make sweep join={name} works for it as well"
        )
    added = 0 if isinstance(build_sampler(cfg, 0), Grid) else fill(study, int(cfg.trials))
    left = len(unfinished(study))
    print(f"study {name} goes on: {left} trials left ({added} new)", flush=True)
    return study, plan, Run.resume(store, plan.parent)


def _first(cfg: DictConfig, asked: Draft) -> tuple[list[dict[str, Param]], int]:
    """What is queued with fixed values, and how many trials there are in all."""
    if not isinstance(build_sampler(cfg, 0), Grid):
        return [asked.first], int(cfg.trials)
    grid = Space.from_json(asked.plan.space).grid()
    others = [point for point in grid if point != asked.first]
    points = [asked.first, *others]
    if len(points) > cfg.trials:
        note = f"the grid has {len(points)} points, trials={cfg.trials} are tried of them"
        asked.notes.append(note)
    return points, min(len(points), int(cfg.trials))


def _storage(cfg: DictConfig, name: str) -> BaseStorage:
    return open_storage(str(cfg.storage), name, cfg.paths.mlruns, cfg.paths.data)


def _free_name(cfg: DictConfig) -> str:
    """`baseline_cnn-3`: the model, and the first number that no study has."""
    model = str(cfg.model._target_).rpartition(".")[0].rpartition(".")[2] or "study"
    if cfg.storage == "journal":
        folder = journal_file("any", cfg.paths.mlruns).parent
        known = {path.stem for path in folder.glob("*.journal")}
    else:
        known = set(optuna.get_all_study_names(_storage(cfg, "any")))
    return next(name for n in range(1, 10**6) if (name := f"{model}-{n}") not in known)


def _hint(study: Study, typed: Sequence[str]) -> str:
    return f"`{to_go_on(study.study_name, typed)}` goes on"


def _work(
    cfg: DictConfig, study: Study, plan: Plan, asked: Draft, train: Train, typed: Sequence[str]
) -> int:
    study.pruner = build_pruner(cfg)
    store = Store(cfg.paths.mlruns)
    hint = _hint(study, typed)
    objective = TrainTrial(train, study.study_name, plan, store, asked.places, hint)
    patience = Patience(
        max_failures=cfg.max_failures,
        max_retries=cfg.max_retries,
        beat_s=cfg.beat_s,
        grace_s=cfg.grace_s,
    )
    return work(study, objective, patience, lambda number: build_sampler(cfg, number), typed)


def _join(cfg: DictConfig, study: Study) -> list[str]:
    """What to type to work for a study."""
    words = [f"join={study.study_name}", f"storage={cfg.storage}", "cluster=null"]
    return words + [
        f"paths.{place}={Path(cfg.paths[place]).resolve()}" for place in ("mlruns", "data")
    ]


def _submit(cfg: DictConfig, study: Study, command: Sequence[str]) -> None:
    """Workers as jobs of a cluster, which may wait there for hours: nobody waits for them here."""
    folder = Path(cfg.paths.outputs) / "jobs"
    words = [*command, *_join(cfg, study)]
    jobs = submit(cfg.cluster, words, cfg.workers, folder.resolve(), **cfg.job)
    for job in jobs:
        print(f"job {job.job_id}: {job.paths.stderr}", flush=True)


@contextmanager
def _others(cfg: DictConfig, study: Study, command: Sequence[str]) -> Iterator[None]:
    """The other workers of this machine while the block runs; the cores are shared out."""
    threads = max(1, torch.get_num_threads() // max(1, cfg.workers))
    before = torch.get_num_threads()
    words = _join(cfg, study)
    torch.set_num_threads(threads)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    workers = [subprocess.Popen([*command, *words], env=environment) for _ in range(1, cfg.workers)]
    try:
        yield
        for worker in workers:
            worker.wait()
    except BaseException:
        for worker in workers:
            with suppress(ProcessLookupError):
                worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait()
        raise
    finally:
        torch.set_num_threads(before)
