"""Fine-tuning: the initial weights are validated, and kept unless an epoch is better."""

import json

import pytest
import torch

from ai_mixer.cli.pipeline import train
from ai_mixer.config.overrides import without_keys
from ai_mixer.tracking import load_model_files
from ai_mixer.tracking.checkpoint_io import read_checkpoint
from ai_mixer.utils.progress import configure_warnings

DESTRUCTIVE, USELESS = "optimizer.lr=3", "optimizer.lr=1e-12"


@pytest.fixture
def finetune(trained, small_overrides, compose, store):
    """Function: overrides → the finished run of two epochs that starts from `trained`."""

    def make(*overrides):
        configure_warnings()
        fixed = [*small_overrides, f"paths.mlruns={store.folder}", "evaluate=null", "render=null"]
        fixed += ["loader.excerpts_per_song=8", "trainer.limit_train_batches=4"]
        fixed += ["callbacks.knob_plots.every_n_epochs=0"]
        texts = [*fixed, f"init_from='{trained.folder}'", *overrides]
        return train(compose(*texts), compose(), texts, {})

    return make


def metrics(run):
    return run.store.client.get_run(run.id).data.metrics


def same_weights(run, folder):
    final, initial = load_model_files(run.artifact_dir)[0], load_model_files(folder)[0]
    return all(final[name].equal(weight) for name, weight in initial.items())


@pytest.mark.slow
def test_start_is_kept_if_every_epoch_is_worse(finetune, trained, log, capsys):
    run = finetune(DESTRUCTIVE)
    assert same_weights(run, trained.folder)
    known = metrics(run)
    assert known["best_val_skill"] == known["initial_val_skill"]
    epochs = [point.value for point in run.store.client.get_metric_history(run.id, "val/skill")]
    assert len(epochs) == 3
    assert max(epochs[1:]) < known["initial_val_skill"]
    assert run.tags["finetune.kept"] == "initial weights"
    (line,) = (text for text in capsys.readouterr().out.splitlines() if "initial weights" in text)
    assert f"{known['initial_val_skill']:.4f}" in line
    assert f"{max(epochs[1:]):.4f}" in line
    assert "before fine-tuning: val/skill" in log.text
    assert sum(line.startswith("epoch ") for line in log.messages) == 2


@pytest.mark.slow
def test_better_epoch_replaces_the_start(finetune, trained, capsys):
    """The monitored loss falls, so that the start is not kept."""
    best = ["callbacks.best.monitor=val/knobs", "callbacks.best.mode=min", "optimizer.lr=1e-3"]
    run = finetune(*best)
    known = metrics(run)
    assert known["best_val_knobs"] < known["initial_val_knobs"]
    assert not same_weights(run, trained.folder)
    assert run.tags["finetune.kept"].startswith("epoch")
    assert "initial weights" not in capsys.readouterr().out


@pytest.mark.slow
def test_start_and_epochs_are_compared_with_the_same_mean_knobs(finetune):
    """Unchanged weights have an unchanged skill, which depends on the mean of the targets seen."""
    run = finetune(USELESS)
    known = metrics(run)
    assert known["initial_val_skill"] == pytest.approx(known["best_val_skill"], abs=1e-6)
    first = run.store.client.get_metric_history(run.id, "val/knobs")[0]
    assert (first.step, first.value) == (0, pytest.approx(known["val/knobs"], abs=1e-6))


@pytest.mark.slow
def test_resumed_training_can_return_to_the_start(finetune, trained, compose, tmp_path):
    """Also if the initial model is gone by then: its weights are in the checkpoints."""
    run = finetune(DESTRUCTIVE, "trainer.max_epochs=1")
    weights = read_checkpoint(run.artifact_dir / "checkpoints/last.ckpt")["callbacks"]
    assert any("weights" in state for state in weights.values())
    overrides = run.artifact_dir / "overrides.json"
    text = overrides.read_text().replace(str(trained.folder), str(tmp_path / "gone"))
    overrides.write_text(text)
    cfg = compose(
        *without_keys(json.loads(text), "trainer.max_epochs"),
        "trainer.max_epochs=2",
        f"ckpt_path={run.id}",
    )
    again = train(cfg, compose(), [f"ckpt_path={run.id}"], {})
    assert again.id == run.id
    assert same_weights(again, trained.folder)
    history = run.store.client.get_metric_history(run.id, "val/skill")
    assert len({point.step for point in history}) == len(history) == 3


def test_gentle_optimizer_has_a_tenth_of_the_learning_rate(compose):
    gentle, default = compose("optimizer=gentle").optimizer, compose().optimizer
    assert gentle._target_ == default._target_
    assert torch.isclose(torch.tensor(gentle.lr), torch.tensor(default.lr) / 10)
