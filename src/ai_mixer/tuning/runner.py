"""Run a sweep: create a study, resume one, or attach to one as a worker.

The main process is a worker as well. It starts the others with the command line that a user could
type (`attach_to=<study>`), and writes the report at the end.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna import Study
from optuna.storages import BaseStorage

from ai_mixer.config.stage_command import stage_command
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.process_info import is_process_alive
from ai_mixer.tuning.grid_sampler import QueuedGridSampler
from ai_mixer.tuning.objective import TrainFunction, TrialObjective
from ai_mixer.tuning.report import explanation, write_report
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
    exists_error,
    load_study,
    quiet_optuna,
)
from ai_mixer.tuning.sweep_request import SweepRequest, check_name, parse_sweep_request
from ai_mixer.tuning.trial_queue import enqueue_trials, unfinished_trials
from ai_mixer.tuning.worker import WorkerSettings, run_worker
from ai_mixer.tuning.worker_processes import other_workers, submit_jobs
from ai_mixer.utils.log import logger
from ai_mixer.utils.signals import handle_stop_signals

WORKER_COMMAND = (sys.executable, "-m", "ai_mixer.cli.stages.sweep")
EvaluateTrial = Callable[[Run], None]
"""Write tables and listening samples for the run of one of the best trials."""
STUDY_TAG = "sweep"  # tag of the parent run: name of the study


def run_study(
    cfg: DictConfig,
    overrides: Sequence[str],
    train: TrainFunction,
    evaluate_trial: EvaluateTrial,
    check_training: Callable[[DictConfig], None],
    command: Sequence[str] = WORKER_COMMAND,
) -> Study:
    """Run the sweep of `cfg` (configs/stage/sweep.yaml); return the study when it is complete.

    overrides: the command line, after `with_study_overrides`. train: trains one trial.
    evaluate_trial: called with the runs of the best trials. check_training: raises if the default
    training cannot start. command: starts another worker when followed by overrides. ValueError or
    OSError (one line); SystemExit if stopped by a signal.
    """
    with quiet_optuna():
        request = parse_sweep_request(cfg, overrides)
        pruner = build_pruner(cfg)
        check_pruner(pruner, request.study_config)
        if cfg.trainer.devices != 1:
            raise ValueError(
                f"trainer.devices={cfg.trainer.devices}: a trial trains in one process: "
                "set trainer.devices=1"
            )
        if cfg.attach_to is not None:
            study, study_config = load_study(_storage(cfg, cfg.attach_to), cfg.attach_to)
            check_unchanged(cfg.attach_to, study_config, request.study_config)
            if cfg.cluster is not None:
                submit_jobs(cfg, study, command)
                report_command = resume_command(study.study_name, overrides)
                logger.info(f"when the jobs are done: {report_command}")
                return study
            n_trials = _run_worker(cfg, study, study_config, request, train, overrides)
            logger.info(f"study {cfg.attach_to}: no trials left ({n_trials} by this worker)")
            return study
        if cfg.resume is None:
            study, study_config, parent = _create_study(cfg, request, check_training, overrides)
        else:
            study, study_config, parent = _resume_study(cfg, request)
        with handle_stop_signals(_resume_hint(study, overrides)), parent:
            with other_workers(cfg, study, command):
                _run_worker(cfg, study, study_config, request, train, overrides)
            for run in write_report(study, study_config, parent, cfg, overrides):
                evaluate_trial(run)
        return study


def _create_study(
    cfg: DictConfig,
    request: SweepRequest,
    check_training: Callable[[DictConfig], None],
    overrides: Sequence[str],
) -> tuple[Study, StudyConfig, Run]:
    points, trials = _initial_points(cfg, request)
    name = check_name(str(cfg.study)) if cfg.study is not None else _free_name(cfg)
    storage = _storage(cfg, name)
    if name in optuna.get_all_study_names(storage):
        raise ValueError(exists_error(name))
    check_training(cfg)
    for note in request.notes:
        logger.warning(note)
    parent = Run.start(Store(cfg.paths.mlruns), cfg.experiment_name, name, {STUDY_TAG: name})
    study_config = replace(request.study_config, parent=parent.id)
    parent.log_text(OmegaConf.to_yaml(cfg, resolve=True), "config.yaml")
    parent.describe(f"{explanation(study_config)}\n\nResume: `{resume_command(name, overrides)}`")
    study = create_study(storage, name, study_config, trials, points)
    logger.info(f"study {name}: {trials} trials, run {parent.id}")
    return study, study_config, parent


def _resume_study(cfg: DictConfig, request: SweepRequest) -> tuple[Study, StudyConfig, Run]:
    name = str(cfg.resume)
    study, study_config = load_study(_storage(cfg, name), name)
    check_unchanged(name, study_config, request.study_config)
    store = Store(cfg.paths.mlruns)
    before = store.client.get_run(study_config.parent)
    if before.info.status == "RUNNING" and is_process_alive(before.data.tags):
        raise ValueError(
            f"study {name} is running in process {before.data.tags['process.pid']}: "
            f"add workers with `{stage_command('sweep', [f'attach_to={name}'])}`"
        )
    is_grid = isinstance(build_sampler(cfg, 0), QueuedGridSampler)
    added = 0 if is_grid else enqueue_trials(study, int(cfg.trials))
    remaining = len(unfinished_trials(study))
    logger.info(f"resuming study {name}: {remaining} trials left ({added} new)")
    return study, study_config, Run.resume(store, study_config.parent)


def _initial_points(
    cfg: DictConfig, request: SweepRequest
) -> tuple[list[dict[str, ParamValue]], int]:
    """Points that are queued with fixed values, and the total number of trials."""
    if not isinstance(build_sampler(cfg, 0), QueuedGridSampler):
        return [request.default_point], int(cfg.trials)
    grid = SearchSpace.from_json(request.study_config.space).grid()
    others = [point for point in grid if point != request.default_point]
    points = [request.default_point, *others]
    if len(points) > cfg.trials:
        request.notes.append(f"the grid has {len(points)} points, trials={cfg.trials} of them run")
    return points, min(len(points), int(cfg.trials))


def _storage(cfg: DictConfig, name: str) -> BaseStorage:
    return open_storage(str(cfg.storage), name, cfg.paths.mlruns, cfg.paths.data)


def _free_name(cfg: DictConfig) -> str:
    """Name of a new study: the model and the first unused number, such as `baseline_cnn-3`."""
    model = str(cfg.model._target_).rpartition(".")[0].rpartition(".")[2] or "study"
    if cfg.storage == "journal":
        folder = journal_file("any", cfg.paths.mlruns).parent
        used = {path.stem for path in folder.glob("*.journal")}
    else:
        used = set(optuna.get_all_study_names(_storage(cfg, "any")))
    return next(name for n in range(1, 10**6) if (name := f"{model}-{n}") not in used)


def _resume_hint(study: Study, overrides: Sequence[str]) -> str:
    return f"resume with `{resume_command(study.study_name, overrides)}`"


def _run_worker(
    cfg: DictConfig,
    study: Study,
    study_config: StudyConfig,
    request: SweepRequest,
    train: TrainFunction,
    overrides: Sequence[str],
) -> int:
    study.pruner = build_pruner(cfg)
    store = Store(cfg.paths.mlruns)
    hint = _resume_hint(study, overrides)
    objective = TrialObjective(
        train, study.study_name, study_config, store, request.path_overrides, hint
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
