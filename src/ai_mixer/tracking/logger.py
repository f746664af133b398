"""Lightning's MLflow logger, bound to a run that somebody else owns."""

from typing import Any

from pytorch_lightning.loggers import MLFlowLogger


class RunLogger(MLFlowLogger):
    """Writes curves into a given run and nothing else.

    The owner of the run writes its params (MLflow keeps them for ever, so a second writer fails on
    resume) and ends it: after training there is more to log.
    """

    def __init__(self, tracking_uri: str, run_id: str) -> None:
        super().__init__(tracking_uri=tracking_uri, run_id=run_id)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Left to the run's owner."""

    def finalize(self, status: str = "success") -> None:
        """Left to the run's owner."""
