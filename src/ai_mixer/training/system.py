"""The story of one batch: listen, set the knobs, render, compare."""

from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ai_mixer.console import Console
from ai_mixer.core.types import CONDITIONS, Batch, Prediction
from ai_mixer.losses.objective import WeightedLoss
from ai_mixer.models.feature_model import predict_batch
from ai_mixer.training.skill_metric import KnobSkillMetric
from ai_mixer.utils.distributed import all_reduce_sum


class MixSystem(pl.LightningModule):
    """A model, the console it plays, and what counts as better.

    rendered_items: how many items of a batch are rendered for the audio losses. Rendering and its
    spectra cost far more than the model; the knobs loss always sees the whole batch.
    audio_gradient_clip_norm: limit of the audio losses' gradient for the knobs of one
    item (L2 norm over the positions).
    Spectral distances of far-off mixes are unbounded, and a few loud items would drown the rest.
    all_conditions: train each example blind and paired too, whatever it was drawn as. Making an
    example costs far more than hearing it again, and both versions are at hand anyway.
    """

    knob_sum: Tensor  # [P] of every target position that counted in training
    knob_count: Tensor  # [P] how often it counted

    def __init__(
        self,
        model: nn.Module,
        console: Console,
        objective: WeightedLoss,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer, int], LRScheduler],
        rendered_items: int = 1,
        audio_gradient_clip_norm: float = 0.05,
        all_conditions: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.console = console
        self.objective = objective
        self.rendered_items, self.audio_gradient_clip_norm = (
            rendered_items,
            audio_gradient_clip_norm,
        )
        self.all_conditions = all_conditions
        self._optimizer = optimizer
        self._scheduler = scheduler
        self.register_buffer("knob_sum", torch.zeros(len(console.knobs), dtype=torch.float64))
        self.register_buffer("knob_count", torch.zeros(len(console.knobs), dtype=torch.float64))
        self.skill = KnobSkillMetric(console.knobs)

    def forward(self, batch: Batch) -> Prediction:
        """What the model says of what the batch's condition lets it hear."""
        return predict_batch(self.model, batch)

    def render(self, batch: Batch, knobs: Tensor) -> Tensor:
        """The mix [B, C, T] of the batch's rough; a masked knob is neutral unless it is free."""
        applied = torch.where(batch.mask | batch.unlabelled, knobs, self.console.neutral.to(knobs))
        return self.console(batch.rough, batch.sample_rate, applied)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Listen, set the knobs, compare; remember the targets for the mean-knobs floor."""
        self._count_targets(batch)
        if self.all_conditions and batch.features is None:  # kept examples come under all of them
            batch = _expand_conditions(batch)
        loss, terms = self._compute_loss(batch, self(batch))
        self._log("train", loss, terms, len(batch), on_step=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The same without learning, and the knob skill. Returns the positions, for pictures."""
        prediction = self(batch)
        loss, terms = self._compute_loss(batch, prediction)
        self._log("val", loss, terms, len(batch), on_step=False)
        self.skill.update(batch, prediction.knobs, self.mean_knobs)
        return prediction.knobs

    def on_validation_epoch_end(self) -> None:
        """Log the skill over all validation examples."""
        for name, value in self.skill.compute().items():
            self.log(f"val/{name}", value, prog_bar=name == "skill", sync_dist=True)
        self.skill.reset()

    @property
    def mean_knobs(self) -> Tensor:
        """[P] mean of the targets seen in training: the floor. Neutral where none was seen."""
        seen = self.knob_count > 0
        mean = self.knob_sum / self.knob_count.clamp_min(1.0)
        return torch.where(seen, mean, self.console.neutral.to(mean)).float()

    @property
    def trained_knobs(self) -> Tensor:
        """[P] bool: knobs that ever counted. The others stay at neutral when mixing.

        All of them if none ever did: then the sound alone has taught (before and after).
        """
        counted = self.knob_count > 0
        return counted | ~counted.any()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The model's weights move; the console has none. The schedule steps per batch."""
        optimizer = self._optimizer(self.model.parameters())
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = self._scheduler(optimizer, steps)
        return {
            "optimizer": optimizer,
            # LearningRateMonitor takes the name: a curve among those of training.
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "name": "train/lr"},
        }

    def _count_targets(self, batch: Batch) -> None:
        """The targets all processes have seen: torch gives them the first one's buffers anyway."""
        self.knob_sum += all_reduce_sum((batch.knobs * batch.mask).double().sum(0))
        self.knob_count += all_reduce_sum(batch.mask.double().sum(0))

    def _compute_loss(
        self, batch: Batch, prediction: Prediction
    ) -> tuple[Tensor, dict[str, Tensor]]:
        few = batch.first(self.rendered_items)
        mix = None
        if self.objective.needs_mix and len(few):
            mix = self.render(
                few,
                _clip_gradient_norm(prediction.knobs[: len(few)], self.audio_gradient_clip_norm),
            )
        return self.objective(prediction, mix, batch)

    def _log(
        self, stage: str, loss: Tensor, terms: dict[str, Tensor], size: int, on_step: bool
    ) -> None:
        when: dict[str, Any] = {"batch_size": size, "on_step": on_step, "on_epoch": not on_step}
        when["sync_dist"] = True  # the mean over the processes
        self.log(f"{stage}/loss", loss, prog_bar=True, **when)
        named = {f"{stage}/{name}": value for name, value in terms.items()}
        self.log_dict(named, **when)


def _expand_conditions(batch: Batch) -> Batch:
    """The batch as drawn, then blind and paired what was not drawn so."""
    unlabelled = [
        batch.select(batch.condition != CONDITIONS.index(condition)).with_condition(condition)
        for condition in ("blind", "paired")
    ]
    return batch.concatenate(*unlabelled)


def _clip_gradient_norm(knobs: Tensor, limit: float) -> Tensor:
    """The same knobs [B, P]; what comes back has an L2 norm of at most `limit` for each item."""
    if knobs.requires_grad:
        knobs = knobs.view_as(knobs)
        knobs.register_hook(lambda gradient: gradient.renorm(2, 0, limit))  # type: ignore[no-untyped-call]
    return knobs
