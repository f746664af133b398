"""What is measured: every effect, the chain, every loss term, a batch of the loader, a step.

All parts are those of a composed `train` config. Work on audio is a function of its leaves, with a
forward pass alone and one with the gradients to all of them.
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
from ai_mixer.evaluation.bench.timing import TimedFunction
from ai_mixer.losses import WeightedLoss
from ai_mixer.training.builders import TrainingComponents

KNOB_POSITION = 0.7  # of every knob: away from neutral, so that nothing is skipped


class Workload(NamedTuple):
    """A function of audio and knobs, and what it is called with."""

    name: str
    function: Callable[..., Tensor]
    leaves: tuple[Tensor, ...]


def forward(work: Workload) -> TimedFunction:
    """The work without gradients."""

    def job() -> None:
        with torch.no_grad():
            work.function(*work.leaves)

    return job


def forward_backward(work: Workload) -> TimedFunction:
    """The work, and the gradients of a weighted sum of its output to every leaf that it uses."""
    with torch.no_grad():
        weights = torch.randn_like(work.function(*work.leaves))

    def job() -> None:
        leaves = [leaf.detach().requires_grad_() for leaf in work.leaves]
        torch.autograd.grad(work.function(*leaves), leaves, weights, allow_unused=True)

    return job


def synthetic_audio(batch: int, seconds: float, sample_rate: int) -> Tensor:
    """[B, 2, T]: noise that swells and fades, with hits that the limiter has to catch."""
    generator = torch.Generator().manual_seed(0)
    length = round(seconds * sample_rate)
    common = torch.randn(batch, 1, length, generator=generator)
    own = torch.randn(batch, 2, length, generator=generator)
    time_s = torch.arange(length) / sample_rate
    swell = 0.3 + torch.sin(3.0 * time_s).abs() + 3.0 * torch.exp(-(time_s % 0.5) / 0.02)
    return 0.12 * (common + 0.4 * own) * swell


def effect_workloads(console: Console, audio: Tensor, sample_rate: int) -> Iterator[Workload]:
    """Every effect of the console with its knobs, and the limiter on hot and on quiet audio."""
    knobs = iter(console.knobs)
    for name, module in console.effects.items():
        effect = cast(Effect, module)
        arguments = effect.knob_names
        values = [
            next(knobs).to_physical(audio.new_full((len(audio),), KNOB_POSITION)) for _ in arguments
        ]

        yield Workload(name, partial(_apply_effect, effect, sample_rate), (audio, *values))
    peak = audio.abs().amax()
    for name, level in {"limiter, idle": 0.5, "limiter, 6 dB": 2.0}.items():
        yield Workload(name, lambda x: console.limiter(x, sample_rate), (audio * (level / peak),))


def console_workload(console: Console, audio: Tensor, sample_rate: int) -> Workload:
    """All of the console, limiter included."""
    knobs = audio.new_full((len(audio), len(console.knobs)), KNOB_POSITION)
    return Workload("chain", lambda x, knobs: console(x, sample_rate, knobs), (audio, knobs))


def loss_workloads(objective: WeightedLoss, audio: Tensor, sample_rate: int) -> Iterator[Workload]:
    """Every term, of the mix or of the knobs; and all of them together as they are trained."""
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
    """The next batch of the training loader, in this process."""
    batches = infinite_batches(parts.data)
    return lambda: next(batches)


def training_step_workload(parts: TrainingComponents) -> TimedFunction:
    """One batch from audio to moved weights: forward, backward, optimiser."""
    return partial(training_step_function(parts), next(infinite_batches(parts.data)))


def training_step_function(parts: TrainingComponents) -> Callable[[Batch], None]:
    """What a training does with a batch."""
    system = parts.system
    optimizer = system._optimizer(system.model.parameters())
    system._log = lambda *args, **kwargs: None  # type: ignore[method-assign]  # no trainer to log to

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        torch.autograd.backward(system.training_step(batch, 0))
        optimizer.step()

    return step


def infinite_batches(data: MixDataModule) -> Iterator[Batch]:
    """Training batches, epoch after epoch, of workers that stay."""
    loader_workload = data.train_dataloader()
    while True:
        yield from loader_workload


def _apply_effect(effect: Effect, sample_rate: int, x: Tensor, *knobs: Tensor) -> Tensor:
    return effect(x, sample_rate, **dict(zip(effect.knob_names, knobs, strict=True)))


def synthetic_batch(audio: Tensor, sample_rate: int) -> Batch:
    """A batch whose finished version is the audio, a little duller and quieter."""
    finished = 0.7 * (audio + 0.3 * audio.roll(1, dims=-1))
    songs = len(audio)
    return Batch(
        rough=audio,
        finished=finished,
        reference=finished,
        condition=torch.zeros(songs, dtype=torch.long),
        knobs=torch.zeros(songs, 1),
        mask=torch.ones(songs, 1, dtype=torch.bool),
        genre=torch.zeros(songs, dtype=torch.long),
        sample_rate=sample_rate,
        song_id=["noise"] * songs,
    )
