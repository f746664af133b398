"""A sweep from its first word to its last: a new study, one gone on with, or one worked for.

The process that was started is a worker like the others. It starts them, by the command line that
anybody could give (`attach_to=<study>`), and at the end writes plots and the best config.
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
from ai_mixer.tracking.process_info import is_process_alive
from ai_mixer.tuning.cluster import submit
from ai_mixer.tuning.grid_sampler import QueuedGridSampler
from ai_mixer.tuning.objective import TrainFunction, TrialObjective
from ai_mixer.tuning.report import write_report
from ai_mixer.tuning.resume import resume_command
from ai_mixer.tuning.search_space import ParamValue, SearchSpace
from ai_mixer.tuning.storage import journal_file, open_storage
from ai_mixer.tuning.study import (
    StudyConfig,
    build_pruner,
    build_sampler,
    check_pruner,
    check_unchanged,
    create_study,
    load_study,
    quiet_optuna,
)
from ai_mixer.tuning.sweep_request import SweepRequest, check_name, parse_sweep_request
from ai_mixer.tuning.trial_queue import enqueue_trials, unfinished_trials
from ai_mixer.tuning.worker import WorkerSettings, run_worker
from ai_mixer.utils.signals import handle_stop_signals

WORKER_COMMAND = (sys.executable, "-m", "ai_mixer.cli.stages.sweep")
EvaluateTrial = Callable[[Run], None]
"""Tables and listening samples for a trial's run, once it is among the best."""
STUDY_TAG = "sweep"  # tag of the parent: the study's name


def run_study(
    cfg: DictConfig,
    overrides: Sequence[str],
    train: TrainFunction,
    judge: EvaluateTrial,
    check: Callable[[DictConfig], None],
    command: Sequence[str] = WORKER_COMMAND,
) -> Study:
    """What `cfg` (configs/stage/sweep.yaml) asks for; returns the study when all trials are told.

    typed: the words of the command line, of a study gone on with its own first; train: one trial's
    training; judge: tables for the best; check: refuses a training that could not begin; command:
    what starts another worker. ValueError or OSError in one line; SystemExit if stopped by a
    signal.
    """
    with quiet_optuna():
        asked = parse_sweep_request(cfg, overrides)
        pruner = build_pruner(cfg)
        check_pruner(pruner, asked.study_config)
        if cfg.trainer.devices != 1:
            raise ValueError("a trial trains in one process: trainer.devices=1")
        if cfg.attach_to is not None:
            study, study_config = load_study(_storage(cfg, cfg.attach_to), cfg.attach_to)
            check_unchanged(cfg.attach_to, study_config, asked.study_config)
            if cfg.cluster is not None:
                _submit_jobs(cfg, study, command)
                then = resume_command(study.study_name, overrides)
                print(f"when they are done: {then}", flush=True)
                return study
            told = _run_worker(cfg, study, study_config, asked, train, overrides)
            print(
                f"study {cfg.attach_to}: nothing left to take ({told} by this worker)", flush=True
            )
            return study
        if cfg.resume is None:
            study, study_config, parent = _create_study(cfg, asked, check, overrides)
        else:
            study, study_config, parent = _resume_study(cfg, asked)
        with handle_stop_signals(_resume_hint(study, overrides)), parent:
            with _other_workers(cfg, study, command):
                _run_worker(cfg, study, study_config, asked, train, overrides)
            for run in write_report(study, study_config, parent, cfg, overrides):
                judge(run)
        return study


def _create_study(
    cfg: DictConfig,
    asked: SweepRequest,
    check: Callable[[DictConfig], None],
    overrides: Sequence[str],
) -> tuple[Study, StudyConfig, Run]:
    points, trials = _initial_points(cfg, asked)
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
    parent = Run.start(Store(cfg.paths.mlruns), cfg.experiment_name, name, {STUDY_TAG: name})
    study_config = replace(asked.study_config, parent=parent.id)
    parent.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
    parent.describe(f"Go on with it: `{resume_command(name, overrides)}`")
    study = create_study(storage, name, study_config, trials, points)
    print(f"study {name}: {trials} trials, run {parent.id}", flush=True)
    return study, study_config, parent


def _resume_study(cfg: DictConfig, asked: SweepRequest) -> tuple[Study, StudyConfig, Run]:
    name = str(cfg.resume)
    study, study_config = load_study(_storage(cfg, name), name)
    check_unchanged(name, study_config, asked.study_config)
    store = Store(cfg.paths.mlruns)
    before = store.client.get_run(study_config.parent)
    if before.info.status == "RUNNING" and is_process_alive(before.data.tags):
        raise ValueError(
            f"study {name} is being led by process {before.data.tags['process.pid']}: "
            f"make sweep attach_to={name} works for it as well"
        )
    added = (
        0
        if isinstance(build_sampler(cfg, 0), QueuedGridSampler)
        else enqueue_trials(study, int(cfg.trials))
    )
    left = len(unfinished_trials(study))
    print(f"study {name} goes on: {left} trials left ({added} new)", flush=True)
    return study, study_config, Run.resume(store, study_config.parent)


def _initial_points(
    cfg: DictConfig, asked: SweepRequest
) -> tuple[list[dict[str, ParamValue]], int]:
    """What is queued with fixed values, and how many trials there are in all."""
    if not isinstance(build_sampler(cfg, 0), QueuedGridSampler):
        return [asked.first], int(cfg.trials)
    grid = SearchSpace.from_json(asked.study_config.space).grid()
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


def _resume_hint(study: Study, overrides: Sequence[str]) -> str:
    return f"`{resume_command(study.study_name, overrides)}` goes on"


def _run_worker(
    cfg: DictConfig,
    study: Study,
    study_config: StudyConfig,
    asked: SweepRequest,
    train: TrainFunction,
    overrides: Sequence[str],
) -> int:
    study.pruner = build_pruner(cfg)
    store = Store(cfg.paths.mlruns)
    hint = _resume_hint(study, overrides)
    objective = TrialObjective(
        train, study.study_name, study_config, store, asked.path_overrides, hint
    )
    worker_settings = WorkerSettings(
        max_failures=cfg.max_failures,
        max_retries=cfg.max_retries,
        heartbeat_interval_s=cfg.heartbeat_interval_s,
        heartbeat_timeout_s=cfg.heartbeat_timeout_s,
    )
    return run_worker(
        study, objective, worker_settings, lambda number: build_sampler(cfg, number), overrides
    )


def _worker_overrides(cfg: DictConfig, study: Study) -> list[str]:
    """What to type to work for a study."""
    words = [f"attach_to={study.study_name}", f"storage={cfg.storage}", "cluster=null"]
    return words + [
        f"paths.{place}={Path(cfg.paths[place]).resolve()}" for place in ("mlruns", "data")
    ]


def _submit_jobs(cfg: DictConfig, study: Study, command: Sequence[str]) -> None:
    """Workers as jobs of a cluster, which may wait there for hours: nobody waits for them here."""
    folder = Path(cfg.paths.outputs) / "jobs"
    words = [*command, *_worker_overrides(cfg, study)]
    jobs = submit(cfg.cluster, words, cfg.workers, folder.resolve(), **cfg.job)
    for job in jobs:
        print(f"job {job.job_id}: {job.paths.stderr}", flush=True)


@contextmanager
def _other_workers(cfg: DictConfig, study: Study, command: Sequence[str]) -> Iterator[None]:
    """The other workers of this machine while the block runs; the cores are shared out."""
    threads = max(1, torch.get_num_threads() // max(1, cfg.workers))
    before = torch.get_num_threads()
    words = _worker_overrides(cfg, study)
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
