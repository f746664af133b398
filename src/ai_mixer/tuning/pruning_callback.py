"""Lightning callback that prunes a trial between two epochs.

`optuna-integration` has one as well, but depends on the package `lightning`.
"""

import pytorch_lightning as pl
from optuna import Trial
from pytorch_lightning.trainer.states import TrainerFn


class PruningCallback(pl.Callback):
    """Report a metric to the trial after each validation; stop the training if Optuna prunes it.

    The training stops as in early stopping, so the run finishes normally and keeps its model.
    """

    def __init__(self, trial: Trial, metric: str) -> None:
        self.trial, self.metric = trial, metric
        self.pruned = False
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        self._reported_epochs = set(frozen.intermediate_values)  # by a worker that died

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the metric. KeyError that lists the known metrics if it is missing."""
        if trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING:
            return  # not an epoch: initial weights are validated before and after a fine-tuning
        if self.metric not in trainer.callback_metrics:
            known = ", ".join(sorted(trainer.callback_metrics))
            raise KeyError(f"{self.metric} is not logged in an epoch; logged metrics: {known}")
        epoch = trainer.current_epoch
        if epoch not in self._reported_epochs:
            self.trial.report(float(trainer.callback_metrics[self.metric]), epoch)
        if self.trial.should_prune():
            self.pruned = trainer.should_stop = True
