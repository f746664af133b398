"""Memory of a training does not grow with the number of steps."""

import statistics
import time

import psutil
import pytest

STEPS, EPOCHS = 500, 20
GROWTH_MIB = 32  # of caches; a leak of 4 KiB per step would be 39


def resident_mib(process):
    """Resident memory of a process and its workers; shared pages are counted once."""
    processes = [process, *process.children(recursive=True)]
    return sum(member.memory_full_info().pss for member in processes) / 2**20


def memory_curve(training, interval_s=1.0):
    """(steps, memory in MiB) until the training ends."""
    process, curve = psutil.Process(training.process.pid), []
    while training.process.poll() is None:
        try:
            points = training.points("train/loss")
            if points and (not curve or points[-1][0] > curve[-1][0]):
                curve.append((points[-1][0], resident_mib(process)))
        except psutil.NoSuchProcess:
            pass
        time.sleep(interval_s)
    return curve


@pytest.mark.slow
def test_memory_is_constant_over_10_000_steps(training):
    """With loader workers, validation, checkpoints, metrics and plots, as in any training."""
    overrides = ["loader.workers=2", f"loader.excerpts_per_song={STEPS}", "loader.batch_size=1"]
    overrides += [f"loader.examples_per_epoch={STEPS}", f"trainer.max_epochs={EPOCHS}"]
    overrides += ["trainer.log_every_n_steps=100", "callbacks.knob_plots.every_n_epochs=1"]
    overrides += ["callbacks.early_stopping=null"]
    curve = memory_curve(training.start(*overrides))
    code, stderr = training.end()
    assert code == 0, stderr
    assert training.points("train/loss")[-1][0] >= 0.98 * STEPS * EPOCHS
    early = [mib for step, mib in curve if 0.1 <= step / (STEPS * EPOCHS) < 0.3]
    late = [mib for step, mib in curve if step / (STEPS * EPOCHS) >= 0.8]
    growth = statistics.median(late) - statistics.median(early)
    print(f"early {statistics.median(early):.0f} MiB, late {statistics.median(late):.0f} MiB")
    assert growth < GROWTH_MIB, curve
