"""A line per epoch with the losses, for a training that is not shown on a terminal."""

import re

import pytest

from ai_mixer.training.callbacks.epoch_log import EpochLog


def test_each_epoch_has_a_line_with_the_mean_training_loss(fit, system, log, monkeypatch):
    losses = []
    step = system.training_step

    def recorded(batch):
        loss = step(batch)
        losses.append(float(loss.detach()))
        return loss

    monkeypatch.setattr(system, "training_step", recorded)
    fit(EpochLog(), False, max_epochs=2)
    lines = [line for line in log.messages if line.startswith("epoch")]
    assert [line.partition(":")[0] for line in lines] == ["epoch 0 of 2", "epoch 1 of 2"]
    means = [float(re.search(r"train/loss ([\d.]+)", line)[1]) for line in lines]
    expected = [sum(losses[:3]) / 3, sum(losses[3:]) / 3]
    assert means == pytest.approx(expected, abs=1e-4)
    assert all(re.search(r"\(\d+ s\)$", line) for line in lines)


def test_line_has_the_validation_loss_and_skill(fit, system, log, monkeypatch):
    step = system.validation_step

    def measured(batch, batch_idx):
        system.log_dict({"val/loss": 0.25, "val/skill": -0.5, "val/knobs": 0.1}, batch_size=1)
        return step(batch, batch_idx)

    monkeypatch.setattr(system, "validation_step", measured)
    fit(EpochLog(), False)
    assert "val/loss 0.2500, val/skill -0.5000 (" in log.text
