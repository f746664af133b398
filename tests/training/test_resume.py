"""Which words are composed when a run goes on, and from where it does."""

from pathlib import Path

import pytest

from ai_mixer.tracking import Start
from ai_mixer.training import resume
from ai_mixer.training.resume import FOLLOW, find_start, with_own_words

RUN = "a" * 32
OWN = ("model=baseline_cnn", "model.channels=8", "+trainer.limit_val_batches=3", "seed=7")


@pytest.fixture
def there_are(monkeypatch):
    """A function: the starts there are; returns what is then looked for."""
    monkeypatch.setenv(FOLLOW, "")  # put back afterwards

    def put(*starts):
        asked = []

        def found(which, store):
            asked.append((which, store.folder))
            return iter(starts)

        monkeypatch.setattr(resume, "find_starts", found)
        return asked

    return put


def test_without_a_checkpoint_the_words_stay(there_are):
    asked = there_are()
    assert with_own_words(["model=mean_knobs"]) == ["model=mean_knobs"]
    assert not asked


def test_the_run_s_words_come_first_and_the_new_ones_count(there_are, compose):
    """New words need to fit the run, not the defaults: only its model has channels."""
    there_are(Start(None, RUN, OWN))
    new = ["ckpt=last", "seed=9", "model.channels=16", "+trainer.limit_val_batches=5"]
    words = with_own_words(new)
    assert words == ["model=baseline_cnn", *new[2:], "seed=9", f"ckpt={RUN}"]
    cfg = compose(*words)
    assert (cfg.model.channels, cfg.seed, cfg.trainer.limit_val_batches) == (16, 9, 5)


def test_an_id_is_taken_as_it_was_typed(there_are, compose):
    """Hydra reads some as numbers."""
    for typed in ("12345678", "12e34567", "'0012e345'"):
        asked = there_are(Start(None, RUN, OWN))
        words = with_own_words([f"ckpt={typed}"])
        find_start(compose(*words), words)
        assert {which for which, _ in asked} == {typed.strip("'")}


def test_runs_are_looked_for_where_the_words_say(there_are, tmp_path):
    asked = there_are(Start(None, RUN, (*OWN, "data=folder")))
    with_own_words(["ckpt=last", f"paths.mlruns={tmp_path}", "data.root=/of/the/run"])
    assert asked == [("last", tmp_path)]


def test_where_the_run_s_words_put_it_is_past(there_are):
    """The folder of runs may have moved since."""
    there_are(Start(None, RUN, (*OWN, "paths.mlruns=/old")))
    assert with_own_words(["ckpt=last"]) == [*OWN, f"ckpt={RUN}"]


def test_a_file_of_no_run_is_used_with_the_words_given(there_are, tmp_path):
    there_are(Start(tmp_path / "x.ckpt"))
    words = [f"ckpt={tmp_path}/x.ckpt", "model=mean_knobs"]
    assert with_own_words(words) == words


def test_a_file_of_a_run_stays_that_file(there_are):
    there_are(Start(None, RUN, OWN))
    assert with_own_words(["ckpt=x/best.ckpt"]) == [*OWN, "ckpt=x/best.ckpt"]


def test_the_first_that_has_something_left_is_taken(there_are, monkeypatch):
    """A finished run is passed over, unless the words make it longer."""
    there_are(Start(None, RUN, OWN, finished=True), Start(None, "b" * 32, OWN))

    def left(cfg, start):
        long_enough = start.finished and cfg.trainer.max_epochs <= 4
        return "run aaaaaaaa is finished" if long_enough else None

    monkeypatch.setattr(resume, "_nothing_left", left)
    assert with_own_words(["ckpt=last"])[-1] == f"ckpt={'b' * 32}"
    assert with_own_words(["ckpt=last", "trainer.max_epochs=5"])[-1] == f"ckpt={RUN}"
    there_are(Start(None, RUN, OWN, finished=True))
    with pytest.raises(ValueError, match="run aaaaaaaa is finished"):
        with_own_words(["ckpt=last"])


def test_the_other_processes_are_told(there_are, compose, monkeypatch):
    """They get the first one's words, and its file; none of them looks for a run."""
    asked = there_are(Start(Path("/a/last.ckpt"), RUN, OWN))
    words = [*OWN, f"ckpt={RUN}"]
    first = find_start(compose(*words), words)
    assert len(asked) == 1
    monkeypatch.setattr(resume, "rank", lambda: 1)
    assert with_own_words(words) == words
    assert find_start(compose(*words), words) == Start(first.checkpoint)
    assert len(asked) == 1


def test_processes_that_something_else_started_cannot_go_on(there_are, compose, monkeypatch):
    there_are()
    monkeypatch.delenv(FOLLOW)
    monkeypatch.setattr(resume, "rank", lambda: 1)
    with pytest.raises(ValueError, match="needs the processes that trainer=ddp starts"):
        find_start(compose("ckpt=last"), ["ckpt=last"])
    assert find_start(compose(), []) == Start()
