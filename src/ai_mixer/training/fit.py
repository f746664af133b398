"""Fit the system with Lightning's trainer, then load the best weights."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers.logger import DummyLogger
from pytorch_lightning.profilers import Profiler

from ai_mixer.tracking import ResumePoint, Run
from ai_mixer.tracking.checkpoint_io import AtomicCheckpointIO
from ai_mixer.training.best_weights import choose_weights, validate_initial_weights
from ai_mixer.training.builders import (
    TrainingComponents,
    build_callbacks,
    build_components,
    build_trainer,
)
from ai_mixer.training.callbacks.epoch_log import EpochLog
from ai_mixer.training.callbacks.initial_weights import InitialWeights
from ai_mixer.training.compilation import compile_in_place
from ai_mixer.training.ddp import abort_process, exit_with_parent, shared_shutdown
from ai_mixer.training.finetune import load_initial_weights
from ai_mixer.training.loggers import build_loggers, open_loggers
from ai_mixer.utils.progress import shows_progress


def fit(
    cfg: DictConfig,
    parts: TrainingComponents,
    start: ResumePoint,
    run: Run | None,
    extra_callbacks: Sequence[pl.Callback] = (),
) -> int:
    """Train from `start`, load the best weights, return the number of steps.

    With `init_from`, the initial weights are validated too and kept if no epoch is better.
    run: None in processes of nonzero rank; extra_callbacks: in addition to the config's.
    KeyboardInterrupt if stopped by a signal.
    """
    callbacks = build_callbacks(cfg)
    for callback in callbacks.values():
        if isinstance(callback, ModelCheckpoint) and run is not None:
            callback.dirpath = str(run.artifact_dir / "checkpoints")
    best = callbacks.get("best")
    best = best if isinstance(best, ModelCheckpoint) else None
    initial = InitialWeights() if cfg.init_from is not None and best is not None else None
    loggers = build_loggers(cfg, run.artifact_dir) if run is not None else []
    if cfg.get("compile"):
        compile_in_place(parts.system.model)
    own: list[pl.Callback] = [_RestoreSigtermHandler()]
    own += [initial] if initial is not None else []
    own += [EpochLog()] if not shows_progress() and run is not None else []
    trainer = build_trainer(
        cfg,
        [*callbacks.values(), *extra_callbacks, *own],
        logger=[run.lightning_logger(), *loggers] if run else False,
        plugins=[AtomicCheckpointIO(run.id if run else "")],
        enable_progress_bar=shows_progress() and run is not None,
        default_root_dir=cfg.paths.outputs,
        inference_mode=False,  # the skill's sums are updated in a validation and later in training
    )
    if run is None:
        trainer.loggers = [DummyLogger()]  # some callbacks require a logger
    else:
        profiler: Profiler = trainer.profiler  # type: ignore[attr-defined]
        profiler.dirpath = run.artifact_dir / "profile"

    def close(reason: str) -> None:
        if run is not None:
            run.set_tags({"error": reason})
            run.end("FAILED")

    with open_loggers(loggers, cfg), _half_the_threads(), shared_shutdown(trainer, close):
        if initial is not None and best is not None and start.checkpoint is None:
            validate_initial_weights(trainer, parts, best)
        trainer.fit(
            parts.system, datamodule=parts.data, ckpt_path=start.checkpoint, weights_only=True
        )
        if best is not None and (run is not None or initial is not None):
            choose_weights(trainer, parts, run, best, initial)
    return int(trainer.global_step)


def fit_nonzero_rank(cfg: DictConfig, start: ResumePoint, which: str) -> None:
    """Train in a process of nonzero rank, without a run of its own.

    which: `init_from`, as typed; its model is validated in all processes.
    """
    exit_with_parent()
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    try:
        parts = build_components(cfg)
        if cfg.init_from is not None and start.checkpoint is None:
            load_initial_weights(cfg, which, parts)
        fit(cfg, parts, start, None)
    except BaseException as error:
        abort_process(error)


class _RestoreSigtermHandler(pl.Callback):
    """Restore the SIGTERM handler that was installed before the fit.

    Lightning's own handler waits for the end of a step or, with several processes, broadcasts from
    the signal handler, which may block forever.
    """

    def __init__(self) -> None:
        self.handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace the handler that Lightning has just installed."""
        self._restore()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace the handler: a validation may also run before and after the training."""
        self._restore()

    def _restore(self) -> None:
        main = threading.current_thread() is threading.main_thread()
        if main and self.handler is not signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self.handler)


@contextmanager
def _half_the_threads() -> Iterator[None]:
    """Leave half the threads to the loader's workers: oversubscribed cores take 1.5 times as long.

    Not the number of threads minus the workers: it changes the rounding of sums, and the result
    must not depend on the number of workers.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // 2))
    try:
        yield
    finally:
        torch.set_num_threads(before)
