"""Plots of the validation at chosen epochs: figures/epoch_003/knobs.png and skill.png."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple, Self, cast

import pandas as pd
import pytorch_lightning as pl
import torch
from matplotlib.figure import Figure
from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor

from ai_mixer.core.knob import Knob
from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.metrics.knob_skill import knob_errors
from ai_mixer.metrics.plots import plot_knobs, plot_skill
from ai_mixer.metrics.tables import table_k
from ai_mixer.training.system import MixSystem

BOOTSTRAP_RESAMPLES = 200  # for the intervals in the plot


class KnobPredictions(NamedTuple):
    """Predicted and true positions [n, P] and the mask; condition and song of each example."""

    predicted: Tensor
    true: Tensor
    mask: Tensor
    condition: Tensor
    songs: list[str]

    @classmethod
    def from_batch(cls, batch: Batch, predicted: Tensor) -> Self:
        """Predictions of a batch, on the CPU."""
        tensors = (predicted.float(), batch.knobs, batch.mask, batch.condition)
        predicted, true, mask, condition = (tensor.detach().cpu() for tensor in tensors)
        return cls(predicted, true, mask, condition, batch.song_id)

    @classmethod
    def concatenate(cls, parts: Sequence["KnobPredictions"]) -> Self:
        """Predictions of several batches as one."""
        *tensors, songs = zip(*parts, strict=True)
        predicted, true, mask, condition = map(torch.cat, tensors)
        return cls(predicted, true, mask, condition, list(chain.from_iterable(songs)))


class KnobPlots(pl.Callback):
    """Plot the predictions of the validation, without a second pass over the data.

    epochs: which to plot, counted from 0; default: every `every_n_epochs`-th one (0: none). A
    repeated validation of an epoch overwrites its plots. Only MLflow loggers get plots. In a
    distributed training, rank 0 plots its own predictions. A validation before or after the
    training is not plotted.
    """

    def __init__(self, every_n_epochs: int = 1, epochs: Sequence[int] | None = None) -> None:
        self.every_n_epochs = every_n_epochs
        self.epochs = None if epochs is None else frozenset(epochs)
        self._predictions: list[KnobPredictions] = []

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Discard the predictions of an interrupted validation."""
        self._predictions = []

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        *_: int,
    ) -> None:
        """Collect the positions [B, P] returned by the system's validation_step."""
        if self._is_plotted_epoch(trainer):
            self._predictions.append(KnobPredictions.from_batch(batch, outputs))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the plots to the run."""
        if not self._predictions:
            return
        predictions, self._predictions = KnobPredictions.concatenate(self._predictions), []
        epoch = trainer.current_epoch
        figures = _plot(cast(MixSystem, pl_module), predictions, f"validation songs, epoch {epoch}")
        for logger in _mlflow_loggers(trainer):
            for name, figure in figures.items():
                path = f"figures/epoch_{epoch:03d}/{name}.png"
                logger.experiment.log_figure(logger.run_id, figure, path)

    def _is_plotted_epoch(self, trainer: pl.Trainer) -> bool:
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if not fitting or not trainer.is_global_zero or not _mlflow_loggers(trainer):
            return False
        if self.epochs is not None:
            return trainer.current_epoch in self.epochs
        return self.every_n_epochs > 0 and (trainer.current_epoch + 1) % self.every_n_epochs == 0


def _mlflow_loggers(trainer: pl.Trainer) -> list[MLFlowLogger]:
    return [logger for logger in trainer.loggers if isinstance(logger, MLFlowLogger)]


def _plot(system: MixSystem, predictions: KnobPredictions, subtitle: str) -> dict[str, Figure]:
    knobs = system.console.knobs
    records = _records(knobs, predictions, system.mean_knobs)
    table = table_k(records, n_resamples=BOOTSTRAP_RESAMPLES)
    positions = predictions.predicted, predictions.true, predictions.mask, predictions.condition
    return {
        "knobs": plot_knobs(knobs, *positions, title=f"Predicted settings: {subtitle}"),
        "skill": plot_skill(table, f"Knob skill: {subtitle}"),
    }


def _records(
    knobs: Sequence[Knob], predictions: KnobPredictions, mean_knobs: Tensor
) -> pd.DataFrame:
    """Records of protocol K for the model and the mean knobs."""
    baseline = mean_knobs.cpu().expand_as(predictions.true)
    tables = []
    for system, positions in (("model", predictions.predicted), ("mean_knobs", baseline)):
        errors = knob_errors(knobs, positions, predictions.true, predictions.mask)
        table = pd.DataFrame({name: error.numpy() for name, error in errors.items()})
        condition = [CONDITIONS[index] for index in predictions.condition.tolist()]
        columns = {"song_id": predictions.songs, "genre": "any", "condition": condition}
        tables.append(table.assign(system=system, **columns))
    return pd.concat(tables, ignore_index=True)
