"""Training of a model in closed form: one pass over the examples, no steps."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.models.evidence import Evidence
from ai_mixer.training.closed_form import fit_closed_form
from helpers.signals import noise

RATE = 44_100


class Examples:
    """Batches of noise; a random low shelf made the roughs, all other knobs are neutral."""

    def __init__(self, console, with_audio=True):
        self.console, self.with_audio = console, with_audio

    def train_dataloader(self):
        for number in range(3):
            finished, reference = noise(2, 4, 2, seconds=0.5, seed=number)
            knobs = self.console.neutral.repeat(4, 1)
            generator = torch.Generator().manual_seed(number)
            knobs[:, self.console.names.index("low_eq")] = torch.rand(4, generator=generator)
            rough = self.console.invert(0.1 * finished, RATE, knobs)
            if not self.with_audio:
                rough, finished = rough[..., :0], finished[..., :0]
            yield Batch(
                rough=rough,
                finished=0.1 * finished,
                reference=reference,
                condition=torch.arange(4) % len(CONDITIONS),
                knobs=knobs,
                mask=torch.ones_like(knobs, dtype=torch.bool),
                genre=torch.full((4,), -1),
                sample_rate=RATE,
                song_id=[f"{number}-{item}" for item in range(4)],
            )


def test_one_pass_fits_the_model():
    console = load_console()
    model = Evidence(len(console.knobs), RATE, n_damages=16)
    fit_closed_form(model, Examples(console), console.neutral)
    assert model.fitted
    assert torch.equal(model.neutral, console.neutral)
    assert all(buffer.isfinite().all() for buffer in model.buffers())
    moved = model.shifts.abs().sum(0) > 0
    assert moved.tolist() == [name == "low_eq" for name in console.names]


def test_features_without_audio_are_refused():
    console = load_console()
    model = Evidence(len(console.knobs), RATE, n_damages=16)
    with pytest.raises(ValueError, match="use loader=default"):
        fit_closed_form(model, Examples(console, with_audio=False), console.neutral)
