"""A training step on a GPU makes no copies to or from the CPU: console, losses, features."""

import pytest
import torch

from ai_mixer.core.types import Batch
from ai_mixer.inference.builders import build_console
from ai_mixer.training.builders import build_system
from helpers.devices import CpuTensors

SECONDS, RATE, BATCH = 1, 44100, 2


def empty_batch(device, n_knobs):
    def empty(*shape, dtype=torch.float32):
        return torch.empty(*shape, device=device, dtype=dtype)

    audio = empty(BATCH, 2, SECONDS * RATE)
    return Batch(
        rough=audio,
        finished=audio,
        reference=audio,
        condition=empty(BATCH, dtype=torch.long),
        knobs=empty(BATCH, n_knobs),
        mask=empty(BATCH, n_knobs, dtype=torch.bool),
        genre=empty(BATCH, dtype=torch.long),
        sample_rate=RATE,
        song_id=["song"] * BATCH,
    )


@pytest.mark.parametrize("condition", ["blind", "paired"])
def test_a_training_step_makes_no_copies_between_devices(compose, condition):
    """On the meta device: without data, so that every use of the CPU is found."""
    cfg = compose("model=ast_regressor", f"condition={condition}")
    console = build_console(cfg)
    system = build_system(cfg, console).to("meta")
    system._log = lambda *args, **kwargs: None
    assert system.objective.needs_mix
    with CpuTensors() as found:
        system.training_step(empty_batch("meta", len(console.knobs)), 0).backward()
    assert not found.operations
    assert any(p.grad is not None for p in system.model.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_training_step_on_a_gpu_waits_for_nothing(compose):
    cfg = compose("model=ast_regressor", "condition=blind")
    console = build_console(cfg)
    system = build_system(cfg, console).cuda()
    system._log = lambda *args, **kwargs: None
    batch = empty_batch("cuda", len(console.knobs))
    batch = batch._map_tensors(torch.zeros_like)
    system.training_step(batch, 0).backward()  # compiles
    torch.cuda.set_sync_debug_mode("error")
    try:
        system.training_step(batch, 0).backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
