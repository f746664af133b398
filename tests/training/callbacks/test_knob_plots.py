"""Pictures at the chosen epochs, of what the system answered anyway."""

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
def drawn(monkeypatch):
    """What the figures were asked to show, instead of drawing it."""
    calls = {"knobs": [], "skill": []}

    def remember(name):
        def draw(*args, **words):
            calls[name].append((args, words))
            return Figure()

        return draw

    monkeypatch.setattr(knob_plots, "knob_figure", remember("knobs"))
    monkeypatch.setattr(knob_plots, "skill_figure", remember("skill"))
    return calls


def epochs_in(run):
    return sorted(folder.name for folder in (run.artifact_dir / "figures").glob("*"))


def test_an_epoch_leaves_two_pictures(fit, run):
    fit(KnobPlots(), run.lightning_logger())
    folder = run.artifact_dir / "figures" / "epoch_000"
    assert sorted(file.name for file in folder.iterdir()) == ["knobs.png", "skill.png"]
    for file in folder.iterdir():
        assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"every": 2}, [1, 3]),
        ({"every": 0}, []),
        ({"epochs": [0, 2, 99]}, [0, 2]),
        ({"epochs": []}, []),
    ],
)
def test_only_chosen_epochs(words, expected, fit, run, drawn):
    fit(KnobPlots(**words), run.lightning_logger(), max_epochs=4)
    assert epochs_in(run) == [f"epoch_{epoch:03d}" for epoch in expected]
    assert len(drawn["knobs"]) == len(drawn["skill"]) == len(expected)


def test_it_shows_what_the_system_answered(fit, run, drawn, batches, parrot):
    fit(KnobPlots(), run.lightning_logger())
    ((knobs, predicted, true, mask, condition), _) = drawn["knobs"][0]
    assert knobs == parrot.console.knobs
    torch.testing.assert_close(predicted, torch.cat([parrot.answer(b) for b in batches]))
    torch.testing.assert_close(true, torch.cat([b.knobs for b in batches]))
    assert torch.equal(mask, torch.cat([b.mask for b in batches]))
    assert torch.equal(condition, torch.cat([b.condition for b in batches]))
    assert parrot.asked == len(batches)  # no second pass over the data


def test_its_skill_is_the_curve_s(fit, run, drawn, batches, parrot):
    """With as many examples of each song, a mean over songs is the mean over examples."""
    whole = [b.__class__(**{**vars(b), "mask": torch.ones_like(b.mask)}) for b in batches]
    batches[:], before = whole, list(batches)
    fit(KnobPlots(), run.lightning_logger())
    batches[:] = before
    meter = KnobSkillMetric(parrot.console.knobs)
    for batch in whole:
        meter.update(batch, parrot.answer(batch), parrot.mean_knobs)
    curve = meter.compute()
    ((table, *_), _) = drawn["skill"][0]
    for condition in CONDITIONS:
        assert table[condition, "skill"]["headline"] == pytest.approx(curve[f"skill_{condition}"])


def test_an_epoch_validated_again_replaces_its_pictures(fit, run, drawn):
    for _ in range(2):
        fit(KnobPlots(), run.lightning_logger(), val_check_interval=1)
    assert epochs_in(run) == ["epoch_000"]
    for (_, predicted, *_), _ in drawn["knobs"]:
        assert len(predicted) == 24  # this validation's alone


def test_a_validation_that_broke_off_is_forgotten(fit, run, drawn, parrot, batches):
    callback, answer = KnobPlots(), parrot.answer

    def breaks_at_the_third(batch):
        if parrot.asked == 3:
            raise RuntimeError("no")
        return answer(batch)

    parrot.answer = breaks_at_the_third
    with pytest.raises(RuntimeError, match="no"):
        fit(callback, run.lightning_logger())
    parrot.train()  # the break left it listening
    fit(callback, run.lightning_logger())
    (((_, predicted, *_), _),) = drawn["knobs"]
    assert len(predicted) == sum(len(batch) for batch in batches)


def test_a_check_before_training_draws_nothing(fit, run, drawn):
    fit(KnobPlots(), run.lightning_logger(), num_sanity_val_steps=2, limit_val_batches=2)
    assert len(drawn["knobs"]) == 1
    ((_, predicted, *_), _) = drawn["knobs"][0]
    assert len(predicted) == 12


def test_other_loggers_get_none(fit, tmp_path, drawn):
    fit(KnobPlots(), CSVLogger(tmp_path / "csv"))
    fit(KnobPlots(), False)
    assert not drawn["knobs"]
    assert not list(tmp_path.rglob("*.png"))
