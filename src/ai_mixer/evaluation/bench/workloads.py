"""Workloads: every effect, the console, every loss term, a batch of the loader, a training step.

All parts come from a composed `train` config. Workloads on audio are functions of leaf tensors,
timed as a forward pass alone and with the gradients to all leaves.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import Batch, Prediction
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.effects.effect import Effect
from ai_mixer.evaluation.bench.synthetic_input import synthetic_batch
from ai_mixer.evaluation.bench.timing import TimedFunction
from ai_mixer.losses import WeightedLoss
from ai_mixer.training.builders import TrainingComponents

KNOB_POSITION = 0.7  # away from neutral, so that no effect is skipped


class Workload(NamedTuple):
    """A function of audio and knobs, and its arguments."""

    name: str
    function: Callable[..., Tensor]
    leaves: tuple[Tensor, ...]


def forward(work: Workload) -> TimedFunction:
    """Forward pass without gradients."""

    def job() -> None:
        with torch.no_grad():
            work.function(*work.leaves)

    return job


def forward_backward(work: Workload) -> TimedFunction:
    """Forward pass, and gradients of a weighted sum of the output to every leaf in use."""
    with torch.no_grad():
        weights = torch.randn_like(work.function(*work.leaves))

    def job() -> None:
        leaves = [leaf.detach().requires_grad_() for leaf in work.leaves]
        torch.autograd.grad(work.function(*leaves), leaves, weights, allow_unused=True)

    return job


def effect_workloads(console: Console, audio: Tensor, sample_rate: int) -> Iterator[Workload]:
    """Every effect of the console with its knobs; the limiter idle and at 6 dB of reduction."""
    knobs = iter(console.knobs)
    for name, module in console.effects.items():
        effect = cast(Effect, module)
        arguments = effect.knob_names
        values = [
            next(knobs).to_physical(audio.new_full((len(audio),), KNOB_POSITION)) for _ in arguments
        ]

        yield Workload(name, partial(_apply_effect, effect, sample_rate), (audio, *values))
    peak = audio.abs().amax()
    limiter = cast(Effect, console.limiter)
    for name, level in {"limiter, idle": 0.5, "limiter, 6 dB": 2.0}.items():
        yield Workload(name, lambda x: limiter(x, sample_rate), (audio * (level / peak),))


def console_workload(console: Console, audio: Tensor, sample_rate: int) -> Workload:
    """The whole console, with limiter."""
    knobs = audio.new_full((len(audio), len(console.knobs)), KNOB_POSITION)
    return Workload("chain", lambda x, knobs: console(x, sample_rate, knobs), (audio, knobs))


def loss_workloads(objective: WeightedLoss, audio: Tensor, sample_rate: int) -> Iterator[Workload]:
    """Every loss term, of the mix or of the knobs, and the weighted sum of all terms."""
    batch = synthetic_batch(audio, sample_rate)
    prediction = Prediction(batch.knobs)
    for name, term in objective.terms.items():
        if term.needs_mix:
            yield Workload(
                f"loss {name}", lambda x, term=term: term(prediction, x, batch), (audio,)
            )
        else:
            knobs = torch.full_like(batch.knobs, KNOB_POSITION)
            yield Workload(
                f"loss {name}", lambda k, term=term: term(Prediction(k), None, batch), (knobs,)
            )
    yield Workload("losses together", lambda x: objective(prediction, x, batch)[0], (audio,))


def loader_workload(parts: TrainingComponents) -> TimedFunction:
    """Load the next training batch, in this process."""
    batches = infinite_batches(parts.data)
    return lambda: next(batches)


def training_step_workload(parts: TrainingComponents) -> TimedFunction:
    """One training step: forward, backward, optimiser step."""
    return partial(training_step_function(parts), next(infinite_batches(parts.data)))


def training_step_function(parts: TrainingComponents) -> Callable[[Batch], None]:
    """Return a function that runs one training step on a batch."""
    system = parts.system
    optimizer = system._optimizer(system.model.parameters())
    system._log = lambda *args, **kwargs: None  # type: ignore[method-assign]  # no trainer to log to

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        torch.autograd.backward(system.training_step(batch, 0))
        optimizer.step()

    return step


def infinite_batches(data: MixDataModule) -> Iterator[Batch]:
    """Yield training batches, epoch after epoch, from persistent workers."""
    loader = data.train_dataloader()
    while True:
        yield from loader


def _apply_effect(effect: Effect, sample_rate: int, x: Tensor, *knobs: Tensor) -> Tensor:
    return effect(x, sample_rate, **dict(zip(effect.knob_names, knobs, strict=True)))
