"""After the fit: load the weights of the best epoch, or the initial ones if no epoch is better."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from ai_mixer.core.metric_names import result_name
from ai_mixer.tracking import Run
from ai_mixer.tracking.checkpoint_io import read_checkpoint
from ai_mixer.training.builders import TrainingComponents
from ai_mixer.training.callbacks.initial_weights import InitialWeights
from ai_mixer.utils.log import logger, print_result

KEPT_TAG = "finetune.kept"  # of a fine-tuned run: "initial weights" or the epoch


def validate_initial_weights(
    trainer: pl.Trainer, parts: TrainingComponents, best: ModelCheckpoint
) -> None:
    """Validate before the first step, for the first point of the curves, and log the score.

    The skill is relative to the mean knobs of the initial model. The comparison with the epochs is
    made by `choose_weights`, relative to the mean knobs of this training.
    """
    score = _validate(trainer, parts, best)
    if score is not None and trainer.is_global_zero:
        logger.info("before fine-tuning: %s %.3f", best.monitor, score)


def choose_weights(
    trainer: pl.Trainer,
    parts: TrainingComponents,
    run: Run | None,
    best: ModelCheckpoint,
    initial: InitialWeights | None,
) -> None:
    """Load the weights of the best epoch into the system, or the initial ones if these are as good.

    run: gets the scores; None in processes of nonzero rank. initial: of a fine-tuning; they are
    validated, so all processes have to call this. ValueError if nothing was trained.
    """
    if best.best_model_score is None:
        raise ValueError(
            f"nothing was trained: the checkpoint is at epoch {trainer.current_epoch} of "
            f"{trainer.max_epochs}: raise trainer.max_epochs"
        )
    checkpoint, score = read_checkpoint(best.best_model_path), float(best.best_model_score)
    parts.system.load_state_dict(checkpoint["state_dict"])
    before = None
    if initial is not None and initial.weights:  # none in a checkpoint of an older version
        parts.system.model.load_state_dict(initial.weights)
        trainer.loggers = []  # the curves end with the last epoch
        before = _validate(trainer, parts, best)
    keep_initial = before is not None and not _is_better(score, before, best)
    if not keep_initial:
        parts.system.load_state_dict(checkpoint["state_dict"])
    if run is None:
        return
    monitor = str(best.monitor)
    scores = {result_name("best", monitor): score}
    if before is not None:
        scores = {result_name("best", monitor): before if keep_initial else score}
        scores[result_name("initial", monitor)] = before
        kept = "initial weights" if keep_initial else f"epoch {checkpoint['epoch']}"
        run.set_tags({KEPT_TAG: kept})
        print_result(_comparison(monitor, before, score, kept, keep_initial))
    run.log_metrics(scores, step=trainer.global_step)


def _validate(
    trainer: pl.Trainer, parts: TrainingComponents, best: ModelCheckpoint
) -> float | None:
    """The monitored score of the system's weights; None if the validation does not measure it."""
    (scores,) = trainer.validate(parts.system, datamodule=parts.data, verbose=False)
    if best.monitor is None or best.monitor not in scores:
        logger.warning(
            "callbacks.best.monitor=%s is not a metric of the validation: "
            "the initial weights are not compared with the epochs",
            best.monitor,
        )
        return None
    return float(scores[best.monitor])


def _is_better(score: float, other: float, best: ModelCheckpoint) -> bool:
    return score < other if best.mode == "min" else score > other


def _comparison(monitor: str, before: float, score: float, kept: str, keep_initial: bool) -> str:
    if keep_initial:
        return (
            f"fine-tuning: no epoch is better than the initial weights, which are kept: {monitor} "
            f"{before:.4f} before, {score:.4f} in the best epoch. Try a lower optimizer.lr"
        )
    return f"fine-tuning: {monitor} {before:.4f} before, {score:.4f} after ({kept})"
