"""Lightning's part of a run: train, and leave the weights of the best epoch in the system."""

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
from ai_mixer.tracking.checkpoint_io import AtomicCheckpointIO, read_checkpoint
from ai_mixer.training.builders import (
    TrainingComponents,
    build_callbacks,
    build_components,
    build_trainer,
)
from ai_mixer.training.ddp import abort_process, exit_with_parent, shared_shutdown
from ai_mixer.utils.progress import shows_progress


def fit(
    cfg: DictConfig,
    parts: TrainingComponents,
    start: ResumePoint,
    run: Run | None,
    extra_callbacks: Sequence[pl.Callback] = (),
) -> int:
    """Train from `start` on; the system ends with the weights of the best epoch. Returns the step.

    run: None in the processes that only help the first one; watchers: callbacks beside the
    config's. KeyboardInterrupt if stopped.
    """
    callbacks = build_callbacks(cfg)
    for callback in callbacks.values():
        if isinstance(callback, ModelCheckpoint) and run is not None:
            callback.dirpath = str(run.artifact_dir / "checkpoints")
    trainer = build_trainer(
        cfg,
        [*callbacks.values(), *extra_callbacks, _RestoreSigtermHandler()],
        logger=run.lightning_logger() if run else False,
        plugins=[AtomicCheckpointIO(run.id if run else "")],
        enable_progress_bar=shows_progress() and run is not None,
        default_root_dir=cfg.paths.outputs,
    )
    if run is None:
        trainer.loggers = [DummyLogger()]  # some callbacks insist on one
    else:
        profiler: Profiler = trainer.profiler  # type: ignore[attr-defined]
        profiler.dirpath = run.artifact_dir / "profile"  # written only by a real one

    def close(reason: str) -> None:
        if run is not None:
            run.set_tags({"error": reason})
            run.end("FAILED")

    with _half_the_cores(), shared_shutdown(trainer, close):
        trainer.fit(
            parts.system, datamodule=parts.data, ckpt_path=start.checkpoint, weights_only=True
        )
    best = callbacks.get("best")
    if run is not None and isinstance(best, ModelCheckpoint):
        _load_best_weights(best, parts, run, trainer)
    return int(trainer.global_step)


def fit_nonzero_rank(cfg: DictConfig, start: ResumePoint) -> None:
    """Another process of the same training: it learns with the first one and keeps no run."""
    exit_with_parent()
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    try:
        fit(cfg, build_components(cfg), start, None)
    except BaseException as error:
        abort_process(error)


def _load_best_weights(
    best: ModelCheckpoint, parts: TrainingComponents, run: Run, trainer: pl.Trainer
) -> None:
    """Log the best score; put its weights into the system."""
    if best.best_model_score is None:
        raise ValueError(
            f"nothing was trained: epoch {trainer.current_epoch} of {trainer.max_epochs} was "
            "reached before, raise trainer.max_epochs"
        )
    score = {f"best/{best.monitor}": float(best.best_model_score)}
    run.log_metrics(score, step=trainer.global_step)
    parts.system.load_state_dict(read_checkpoint(best.best_model_path)["state_dict"])


class _RestoreSigtermHandler(pl.Callback):
    """SIGTERM as it was before the fit.

    Lightning answers it at the end of a step, or, with several processes, from inside the signal
    with a broadcast that may never end.
    """

    def __init__(self) -> None:
        self.before = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lightning has just installed its own."""
        main = threading.current_thread() is threading.main_thread()
        if main and self.before is not signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self.before)


@contextmanager
def _half_the_cores() -> Iterator[None]:
    """The other half is for the loader's workers: threads that fight for a core take half as long
    again. Not the cores less the workers: the number of threads changes how sums are rounded, and
    a training must not depend on who reads its songs.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // 2))
    try:
        yield
    finally:
        torch.set_num_threads(before)
