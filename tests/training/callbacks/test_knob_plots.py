"""Plots of the validation at the chosen epochs."""

import pytest
import torch
from matplotlib.figure import Figure
from pytorch_lightning.loggers import CSVLogger

from ai_mixer.core.types import CONDITIONS
from ai_mixer.tracking import Run
from ai_mixer.training.callbacks import knob_plots
from ai_mixer.training.callbacks.knob_plots import KnobPlots
from ai_mixer.training.skill_metric import KnobSkillMetric


@pytest.fixture
def run(store):
    with Run.start(store, "figures") as run:
        yield run


@pytest.fixture
def plot_calls(monkeypatch):
    """Arguments of the plot functions, which draw nothing."""
    calls = {"knobs": [], "skill": []}

    def record(name):
        def plot(*args, **options):
            calls[name].append((args, options))
            return Figure()

        return plot

    monkeypatch.setattr(knob_plots, "plot_knobs", record("knobs"))
    monkeypatch.setattr(knob_plots, "plot_skill", record("skill"))
    return calls


def epochs_in(run):
    return sorted(folder.name for folder in (run.artifact_dir / "figures").glob("*"))


@pytest.mark.slow
def test_an_epoch_has_two_plots(fit, run):
    fit(KnobPlots(), run.lightning_logger())
    folder = run.artifact_dir / "figures" / "epoch_000"
    assert sorted(file.name for file in folder.iterdir()) == ["knobs.png", "skill.png"]
    for file in folder.iterdir():
        assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"every_n_epochs": 2}, [1, 3]),
        ({"every_n_epochs": 0}, []),
        ({"epochs": [0, 2, 99]}, [0, 2]),
        ({"epochs": []}, []),
    ],
)
def test_only_chosen_epochs_are_plotted(options, expected, fit, run, plot_calls):
    fit(KnobPlots(**options), run.lightning_logger(), max_epochs=4)
    assert epochs_in(run) == [f"epoch_{epoch:03d}" for epoch in expected]
    assert len(plot_calls["knobs"]) == len(plot_calls["skill"]) == len(expected)


def test_plot_has_the_predictions_of_the_validation(fit, run, plot_calls, batches, system):
    fit(KnobPlots(), run.lightning_logger())
    ((knobs, predicted, true, mask, condition), _) = plot_calls["knobs"][0]
    assert knobs == system.console.knobs
    torch.testing.assert_close(predicted, torch.cat([system.predict_knobs(b) for b in batches]))
    torch.testing.assert_close(true, torch.cat([b.knobs for b in batches]))
    assert torch.equal(mask, torch.cat([b.mask for b in batches]))
    assert torch.equal(condition, torch.cat([b.condition for b in batches]))
    assert system.n_validation_steps == len(batches)  # no second pass over the data


def test_plotted_skill_equals_the_logged_metric(fit, run, plot_calls, batches, system):
    """With equally many examples per song, the mean over songs is the mean over examples."""
    unmasked = [b.__class__(**{**vars(b), "mask": torch.ones_like(b.mask)}) for b in batches]
    batches[:], before = unmasked, list(batches)
    fit(KnobPlots(), run.lightning_logger())
    batches[:] = before
    metric = KnobSkillMetric(system.console.knobs)
    for batch in unmasked:
        metric.update(batch, system.predict_knobs(batch), system.mean_knobs)
    expected = metric.compute()
    ((table, *_), _) = plot_calls["skill"][0]
    for condition in CONDITIONS:
        assert table[condition, "skill"]["headline"] == pytest.approx(
            expected[f"skill_{condition}"]
        )


@pytest.mark.slow
def test_a_repeated_validation_replaces_its_plots(fit, run, plot_calls):
    for _ in range(2):
        fit(KnobPlots(), run.lightning_logger(), val_check_interval=1)
    assert epochs_in(run) == ["epoch_000"]
    for (_, predicted, *_), _ in plot_calls["knobs"]:
        assert len(predicted) == 24  # of one validation only


def test_predictions_of_an_interrupted_validation_are_discarded(
    fit, run, plot_calls, system, batches
):
    callback, predict_knobs = KnobPlots(), system.predict_knobs

    def fail_at_the_third(batch):
        if system.n_validation_steps == 3:
            raise RuntimeError("no")
        return predict_knobs(batch)

    system.predict_knobs = fail_at_the_third
    with pytest.raises(RuntimeError, match="no"):
        fit(callback, run.lightning_logger())
    system.train()  # the error left it in evaluation mode
    fit(callback, run.lightning_logger())
    (((_, predicted, *_), _),) = plot_calls["knobs"]
    assert len(predicted) == sum(len(batch) for batch in batches)


def test_sanity_check_is_not_plotted(fit, run, plot_calls):
    fit(KnobPlots(), run.lightning_logger(), num_sanity_val_steps=2, limit_val_batches=2)
    assert len(plot_calls["knobs"]) == 1
    ((_, predicted, *_), _) = plot_calls["knobs"][0]
    assert len(predicted) == 12


def test_other_loggers_get_no_plots(fit, tmp_path, plot_calls):
    fit(KnobPlots(), CSVLogger(tmp_path / "csv"))
    fit(KnobPlots(), False)
    assert not plot_calls["knobs"]
    assert not list(tmp_path.rglob("*.png"))
