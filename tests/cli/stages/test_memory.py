"""A long training holds no more memory at its end than it did early on."""

import statistics
import time

import psutil
import pytest

STEPS, EPOCHS = 500, 20
GROWTH_MIB = 32  # caches that fill slowly; a leak of 4 KiB a step would be 39


def held_mib(process):
    """Resident memory of a process and its workers; what they share is counted once."""
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_full_info().pss for member in family) / 2**20


def watched(training, interval_s=1.0):
    """(steps done, memory) until the training ends."""
    process, seen = psutil.Process(training.process.pid), []
    while training.process.poll() is None:
        try:
            points = training.points("train/loss")
            if points and (not seen or points[-1][0] > seen[-1][0]):
                seen.append((points[-1][0], held_mib(process)))
        except psutil.NoSuchProcess:
            pass
        time.sleep(interval_s)
    return seen


@pytest.mark.slow
def test_memory_is_flat_over_10_000_steps(training):
    """With loader workers, validation, checkpoints, curves and pictures, as in any training."""
    words = ["loader.workers=2", f"loader.excerpts_per_song={STEPS}", "loader.batch_size=1"]
    words += [f"loader.examples_per_epoch={STEPS}", f"trainer.max_epochs={EPOCHS}"]
    words += ["trainer.log_every_n_steps=100", "callbacks.knob_plots.every_n_epochs=1"]
    words += ["callbacks.early_stopping=null"]
    seen = watched(training.start(*words))
    code, said = training.end()
    assert code == 0, said
    assert training.points("train/loss")[-1][0] >= 0.98 * STEPS * EPOCHS
    early = [mib for step, mib in seen if 0.1 <= step / (STEPS * EPOCHS) < 0.3]
    late = [mib for step, mib in seen if step / (STEPS * EPOCHS) >= 0.8]
    grown = statistics.median(late) - statistics.median(early)
    print(f"early {statistics.median(early):.0f} MiB, late {statistics.median(late):.0f} MiB")
    assert grown < GROWTH_MIB, seen
