"""Training and validation step: predict the knobs, render the mix, compute the loss."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ai_mixer.console import Console, ConsoleGraph
from ai_mixer.console.load import require_single
from ai_mixer.core.types import CONDITIONS, Batch, Prediction
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.losses.objective import WeightedLoss
from ai_mixer.models.closed_form import ClosedFormModel
from ai_mixer.models.feature_model import predict_batch
from ai_mixer.training.closed_form import fit_closed_form
from ai_mixer.training.skill_metric import KnobSkillMetric
from ai_mixer.training.track_skill import TrackSkillMetric
from ai_mixer.utils.distributed import all_reduce_sum

BatchT = TypeVar("BatchT", bound=Batch)


class MixSystem(pl.LightningModule):
    """Model, console and objective as a Lightning module.

    rendered_items: number of items of a batch that are rendered for the audio losses. Rendering
    and its spectra cost far more than the model; the knobs loss always uses the whole batch.
    audio_gradient_clip_norm: limit of the audio losses' gradient for the knobs of one item (L2
    norm over the positions). Spectral distances are unbounded: without it, a few items dominate.
    all_conditions: train each example under `blind` and `paired` as well as under its drawn
    condition. Creating an example costs far more than a forward pass, and has both versions.
    """

    knob_sum: Tensor  # [S] sum of the unmasked target positions seen in training
    knob_count: Tensor  # [S] number of these positions

    def __init__(
        self,
        model: nn.Module,
        console: Console | ConsoleGraph,
        objective: WeightedLoss,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer, int], LRScheduler],
        rendered_items: int = 1,
        audio_gradient_clip_norm: float = 0.05,
        all_conditions: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.console = self.check_console(console)
        self.objective = objective
        self.rendered_items = rendered_items
        self.audio_gradient_clip_norm = audio_gradient_clip_norm
        self.all_conditions = all_conditions
        self._optimizer = optimizer
        self._scheduler = scheduler
        neutral = self.neutral_means
        self.register_buffer("knob_sum", torch.zeros(len(neutral), dtype=torch.float64))
        self.register_buffer("knob_count", torch.zeros(len(neutral), dtype=torch.float64))
        self.initial_mean_knobs = neutral  # [S] baseline before the first step
        self.skill: KnobSkillMetric | TrackSkillMetric = self.skill_metric()

    # What a system of several tracks replaces: kinds of console, model and knobs.

    def check_console(self, console: Console | ConsoleGraph) -> Any:
        """The console. ValueError in one line if it is one for several tracks."""
        return require_single(console, "the chosen console")

    @property
    def neutral_means(self) -> Tensor:
        """Neutral positions of the knobs that have a mean of their own: [S]; here S = P."""
        return self.console.neutral

    def skill_metric(self) -> "KnobSkillMetric | TrackSkillMetric":
        """The metric of the validation."""
        return KnobSkillMetric(self.console.knobs)

    def slots(self, batch: Batch) -> Tensor:
        """Which of the S means belongs to each knob of a batch, [B or 1, P]."""
        return torch.arange(len(self.knob_sum), device=self.knob_sum.device)[None]

    def knob_groups(self, batch: Batch) -> list[tuple[str, Tensor]]:
        """Names of knobs, with the columns of `batch.knobs` where they are: one each."""
        return [(name, torch.tensor([n])) for n, name in enumerate(self.console.names)]

    def describe_knobs(self) -> dict[str, Any]:
        """Entries of model.json about knobs and means."""
        knobs, means = self.console.knobs, self.mean_knobs.tolist()
        is_trained = zip(knobs, self.trained_knobs, strict=True)
        return {
            "knobs": [asdict(knob) for knob in knobs],
            "trained": [knob.name for knob, trained in is_trained if trained],
            "mean_knobs": {knob.name: mean for knob, mean in zip(knobs, means, strict=True)},
        }

    def fit_model(self, data: MixDataModule) -> None:
        """Fit a model in closed form; its training steps then change nothing."""
        if isinstance(self.model, ClosedFormModel):
            fit_closed_form(self.model, data, self.console.neutral)

    def on_fit_start(self) -> None:
        """Fit a model that needs no steps."""
        self.fit_model(self.trainer.datamodule)  # type: ignore[attr-defined]

    def forward(self, batch: Batch) -> Prediction:
        """Predict knobs from the audio that each item's condition allows."""
        return predict_batch(self.model, batch)

    def render(self, batch: Batch, knobs: Tensor) -> Tensor:
        """Render the mix [B, C, T] of the rough; masked knobs are neutral unless unlabelled."""
        applied = torch.where(batch.mask | batch.unlabelled, knobs, self.console.neutral.to(knobs))
        return self.console(batch.rough, batch.sample_rate, applied)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute the loss; add the targets to the sums of the mean-knobs baseline."""
        self._count_targets(batch)
        # Cached examples are stored under every condition already.
        if self.all_conditions and batch.has_audio:
            batch = expand_conditions(batch)
        loss, terms = self._compute_loss(batch, self(batch))
        self._log("train", loss, terms, len(batch), on_step=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute loss and knob skill. Returns the positions [B, P], for `KnobPlots`."""
        prediction = self(batch)
        loss, terms = self._compute_loss(batch, prediction)
        self._log("val", loss, terms, len(batch), on_step=False)
        self.skill.update(batch, prediction.knobs, self.mean_knobs[self.slots(batch)])
        return prediction.knobs

    def on_validation_epoch_end(self) -> None:
        """Log the skill over all validation examples."""
        for name, value in self.skill.compute().items():
            self.log(f"val/{name}", value, prog_bar=name == "skill", sync_dist=True)
        self.skill.reset()

    @property
    def mean_knobs(self) -> Tensor:
        """Mean [S] of the targets seen in training (the baseline); neutral where there are none.

        Before the first step, `initial_mean_knobs`.
        """
        seen = self.knob_count > 0
        if not seen.any():
            return self.initial_mean_knobs.to(self.knob_sum).float()
        mean = self.knob_sum / self.knob_count.clamp_min(1.0)
        return torch.where(seen, mean, self.neutral_means.to(mean)).float()

    @property
    def trained_knobs(self) -> Tensor:
        """Knobs [S] that were unmasked in training, bool; the others stay at neutral in a mix.

        All knobs if none was ever unmasked: training on unlabelled pairs uses audio losses only.
        """
        labelled = self.knob_count > 0
        return labelled | ~labelled.any()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Optimise the model's weights (the console has none); the schedule steps per batch."""
        optimizer = self._optimizer(self.model.parameters())
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = self._scheduler(optimizer, steps)
        return {
            "optimizer": optimizer,
            # LearningRateMonitor uses this name for the metric.
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "name": "train/lr"},
        }

    def _count_targets(self, batch: Batch) -> None:
        """Add the targets of all processes: DDP broadcasts the buffers of rank 0."""
        slots = self.slots(batch).expand_as(batch.knobs).flatten()
        for total, values in (
            (self.knob_sum, batch.knobs * batch.mask),
            (self.knob_count, batch.mask),
        ):
            sums = torch.zeros_like(total).index_add_(0, slots, values.double().flatten())
            total.add_(all_reduce_sum(sums))

    def _compute_loss(
        self, batch: Batch, prediction: Prediction
    ) -> tuple[Tensor, dict[str, Tensor]]:
        rendered = batch.first(self.rendered_items)
        mix = None
        if self.objective.needs_mix and len(rendered):
            knobs = prediction.knobs[: len(rendered)]
            mix = self.render(rendered, _clip_gradient_norm(knobs, self.audio_gradient_clip_norm))
        return self.objective(prediction, mix, batch)

    def _log(
        self, stage: str, loss: Tensor, terms: dict[str, Tensor], size: int, on_step: bool
    ) -> None:
        options: dict[str, Any] = {"batch_size": size, "on_step": on_step, "on_epoch": not on_step}
        options["sync_dist"] = True  # the mean over the processes
        self.log(f"{stage}/loss", loss, prog_bar=True, **options)
        named = {f"{stage}/{name}": value for name, value in terms.items()}
        self.log_dict(named, **options)


def expand_conditions(batch: BatchT) -> BatchT:
    """The batch as drawn, then its items under `blind` and `paired` unless drawn so."""
    others = [
        batch.select(batch.condition != CONDITIONS.index(condition)).with_condition(condition)
        for condition in ("blind", "paired")
    ]
    return batch.concatenate(*others)


def _clip_gradient_norm(knobs: Tensor, limit: float) -> Tensor:
    """Return the knobs [B, P] with the L2 norm of each item's gradient clipped at `limit`."""
    if knobs.requires_grad:
        knobs = knobs.view_as(knobs)
        knobs.register_hook(lambda gradient: gradient.renorm(2, 0, limit))  # type: ignore[no-untyped-call]
    return knobs
