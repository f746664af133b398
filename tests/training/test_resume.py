"""Which words are composed when a run goes on, and from where it does."""

from pathlib import Path

import pytest

from ai_mixer.tracking import ResumePoint
from ai_mixer.training import resume
from ai_mixer.training.resume import CHECKPOINT_ENV, find_resume_point, with_run_overrides

RUN = "a" * 32
OWN = ("model=baseline_cnn", "model.channels=8", "+trainer.limit_val_batches=3", "seed=7")


@pytest.fixture
def there_are(monkeypatch):
    """A function: the starts there are; returns what is then looked for."""
    monkeypatch.setenv(CHECKPOINT_ENV, "")  # put back afterwards

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
    assert with_run_overrides(["model=mean_knobs"]) == ["model=mean_knobs"]
    assert not asked


def test_the_run_s_words_come_first_and_the_new_ones_count(there_are, compose):
    """New words need to fit the run, not the defaults: only its model has channels."""
    there_are(ResumePoint(None, RUN, OWN))
    new = ["ckpt_path=last", "seed=9", "model.channels=16", "+trainer.limit_val_batches=5"]
    overrides = with_run_overrides(new)
    assert overrides == ["model=baseline_cnn", *new[2:], "seed=9", f"ckpt_path={RUN}"]
    cfg = compose(*overrides)
    assert (cfg.model.channels, cfg.seed, cfg.trainer.limit_val_batches) == (16, 9, 5)


def test_an_id_is_taken_as_it_was_typed(there_are, compose):
    """Hydra reads some as numbers."""
    for typed in ("12345678", "12e34567", "'0012e345'"):
        asked = there_are(ResumePoint(None, RUN, OWN))
        overrides = with_run_overrides([f"ckpt_path={typed}"])
        find_resume_point(compose(*overrides), overrides)
        assert {which for which, _ in asked} == {typed.strip("'")}


def test_runs_are_looked_for_where_the_words_say(there_are, tmp_path):
    asked = there_are(ResumePoint(None, RUN, (*OWN, "data=folder")))
    with_run_overrides(["ckpt_path=last", f"paths.mlruns={tmp_path}", "data.root=/of/the/run"])
    assert asked == [("last", tmp_path)]


def test_where_the_run_s_words_put_it_is_past(there_are):
    """The folder of runs may have moved since."""
    there_are(ResumePoint(None, RUN, (*OWN, "paths.mlruns=/old")))
    assert with_run_overrides(["ckpt_path=last"]) == [*OWN, f"ckpt_path={RUN}"]


def test_a_file_of_no_run_is_used_with_the_words_given(there_are, tmp_path):
    there_are(ResumePoint(tmp_path / "x.ckpt"))
    overrides = [f"ckpt_path={tmp_path}/x.ckpt", "model=mean_knobs"]
    assert with_run_overrides(overrides) == overrides


def test_a_file_of_a_run_stays_that_file(there_are):
    there_are(ResumePoint(None, RUN, OWN))
    assert with_run_overrides(["ckpt_path=x/best.ckpt"]) == [*OWN, "ckpt_path=x/best.ckpt"]


def test_the_first_that_has_something_left_is_taken(there_are, monkeypatch):
    """A finished run is passed over, unless the words make it longer."""
    there_are(ResumePoint(None, RUN, OWN, finished=True), ResumePoint(None, "b" * 32, OWN))

    def left(cfg, start):
        long_enough = start.finished and cfg.trainer.max_epochs <= 4
        return "run aaaaaaaa is finished" if long_enough else None

    monkeypatch.setattr(resume, "_nothing_left_reason", left)
    assert with_run_overrides(["ckpt_path=last"])[-1] == f"ckpt_path={'b' * 32}"
    assert with_run_overrides(["ckpt_path=last", "trainer.max_epochs=5"])[-1] == f"ckpt_path={RUN}"
    there_are(ResumePoint(None, RUN, OWN, finished=True))
    with pytest.raises(ValueError, match="run aaaaaaaa is finished"):
        with_run_overrides(["ckpt_path=last"])


def test_the_other_processes_are_told(there_are, compose, monkeypatch):
    """They get the first one's words, and its file; none of them looks for a run."""
    asked = there_are(ResumePoint(Path("/a/last.ckpt"), RUN, OWN))
    overrides = [*OWN, f"ckpt_path={RUN}"]
    first = find_resume_point(compose(*overrides), overrides)
    assert len(asked) == 1
    monkeypatch.setattr(resume, "rank", lambda: 1)
    assert with_run_overrides(overrides) == overrides
    assert find_resume_point(compose(*overrides), overrides) == ResumePoint(first.checkpoint)
    assert len(asked) == 1


def test_processes_that_something_else_started_cannot_go_on(there_are, compose, monkeypatch):
    there_are()
    monkeypatch.delenv(CHECKPOINT_ENV)
    monkeypatch.setattr(resume, "rank", lambda: 1)
    with pytest.raises(ValueError, match="needs the processes that trainer=ddp starts"):
        find_resume_point(compose("ckpt_path=last"), ["ckpt_path=last"])
    assert find_resume_point(compose(), []) == ResumePoint()
