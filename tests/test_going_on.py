"""Which words are composed when a run goes on."""

import hydra
import pytest
from hydra.core.hydra_config import HydraConfig

from ai_mixer import going_on
from ai_mixer.console.load import config_folder
from ai_mixer.going_on import Asked
from ai_mixer.tracking import Start

OWN = ("model=baseline_cnn", "model.channels=8", "+trainer.limit_val_batches=3", "seed=7")


@pytest.fixture
def asked(monkeypatch):
    """A function: words of the command line, and the starts there are → what it asks for."""
    monkeypatch.setenv(going_on.FOLLOW, "")  # put back afterwards
    seen = []

    def ask(words, *starts):
        def found(which, store):
            seen.append(which)
            return iter(starts)

        monkeypatch.setattr(going_on, "find_starts", found)
        with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
            cfg = hydra.compose("train", words, return_hydra_config=True)
            HydraConfig.instance().set_config(cfg)
            return going_on.going_on(cfg, words), seen

    return ask


def test_without_a_checkpoint_nothing_is_looked_for(asked):
    found, seen = asked(["model=mean_knobs"])
    assert found[1:] == (["model=mean_knobs"], Start())
    assert not seen


def test_the_run_s_words_come_first_and_the_new_ones_count(asked):
    words = ["ckpt=last", "seed=9", "trainer.max_epochs=20", "+trainer.limit_val_batches=5"]
    found, _ = asked(words, Start(None, "a" * 32, OWN))
    assert isinstance(found, Asked)
    assert found.cfg.model._target_.endswith("BaselineCNN")
    assert (found.cfg.model.channels, found.cfg.seed, found.cfg.ckpt) == (8, 9, None)
    assert (found.cfg.trainer.max_epochs, found.cfg.trainer.limit_val_batches) == (20, 5)
    assert found.cfg.run_name == "baseline_cnn-band"  # Hydra's choices are the run's
    assert sorted(found.words) == sorted([*OWN[:2], *words[1:]])


def test_an_id_is_taken_as_it_was_typed(asked):
    for typed in ("12345678", "12e34567", "'0012e345'"):
        _, seen = asked([f"ckpt={typed}"], Start(None, "a" * 32, OWN))
        assert seen.pop() == typed.strip("'")


def test_a_file_of_no_run_is_used_with_the_words_given(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(going_on, "_nothing_left", lambda cfg, start: None)
    words = [f"ckpt={tmp_path}/x.ckpt", "model=mean_knobs"]
    found, seen = asked(words, Start(tmp_path / "x.ckpt"))
    assert found.words == words
    assert found.cfg.model._target_.endswith("MeanKnobs")
    assert seen == [f"{tmp_path}/x.ckpt"]


def test_the_first_that_has_something_left_is_taken(asked, monkeypatch):
    """A finished run is passed over, unless the words make it longer."""
    finished = Start(None, "a" * 32, OWN, finished=True)
    stopped = Start(None, "b" * 32, OWN)

    def left(cfg, start):
        long_enough = start.finished and cfg.trainer.max_epochs <= 4
        return "run aaaaaaaa is finished" if long_enough else None

    monkeypatch.setattr(going_on, "_nothing_left", left)
    assert asked(["ckpt=last"], finished, stopped)[0].start == stopped
    assert asked(["ckpt=last", "trainer.max_epochs=5"], finished, stopped)[0].start == finished
    with pytest.raises(ValueError, match="run aaaaaaaa is finished"):
        asked(["ckpt=last"], finished)


def test_the_other_processes_are_told(asked, monkeypatch, tmp_path):
    """They do as the first one, which has found out; none of them looks for a run."""
    start = Start(None, "a" * 32, OWN)
    first, _ = asked(["ckpt=last", "seed=9"], start)
    monkeypatch.setattr(going_on, "rank", lambda: 1)
    other, seen = asked(["ckpt=last", "seed=9"])
    assert other.cfg == first.cfg
    assert other.start == Start()
    assert seen == ["last"]


def test_processes_that_something_else_started_cannot_go_on(asked, monkeypatch):
    monkeypatch.delenv(going_on.FOLLOW, raising=False)
    monkeypatch.setattr(going_on, "rank", lambda: 1)
    with pytest.raises(ValueError, match="needs the processes that trainer=ddp starts"):
        asked(["ckpt=last"])
    assert asked(["seed=3"])[0].words == ["seed=3"]
