"""Overrides and checkpoint of a resumed run."""

from pathlib import Path

import pytest

from ai_mixer.tracking import ResumePoint
from ai_mixer.training import resume
from ai_mixer.training.resume import CHECKPOINT_ENV, find_resume_point, with_run_overrides

RUN = "a" * 32
ORIGINAL = ("model=baseline_cnn", "model.channels=8", "+trainer.limit_val_batches=3", "seed=7")


@pytest.fixture
def resume_points(monkeypatch):
    """A function that sets the resume points found; returns the list of later queries."""
    monkeypatch.setenv(CHECKPOINT_ENV, "")  # restored afterwards

    def patch(*starts):
        queries = []

        def find(which, store):
            queries.append((which, store.folder))
            return iter(starts)

        monkeypatch.setattr(resume, "find_resume_points", find)
        return queries

    return patch


def test_overrides_without_a_checkpoint_are_unchanged(resume_points):
    queries = resume_points()
    assert with_run_overrides(["model=mean_knobs"]) == ["model=mean_knobs"]
    assert not queries


def test_new_overrides_replace_those_of_the_run(resume_points, compose):
    """New overrides are checked against the run's config: only its model has channels."""
    resume_points(ResumePoint(None, RUN, ORIGINAL))
    new = ["ckpt_path=last", "seed=9", "model.channels=16", "+trainer.limit_val_batches=5"]
    overrides = with_run_overrides(new)
    assert overrides == ["model=baseline_cnn", *new[2:], "seed=9", f"ckpt_path={RUN}"]
    cfg = compose(*overrides)
    assert (cfg.model.channels, cfg.seed, cfg.trainer.limit_val_batches) == (16, 9, 5)


@pytest.mark.slow
def test_a_run_id_is_used_as_typed(resume_points, compose):
    """Hydra parses some ids as numbers."""
    for typed in ("12345678", "12e34567", "'0012e345'"):
        queries = resume_points(ResumePoint(None, RUN, ORIGINAL))
        overrides = with_run_overrides([f"ckpt_path={typed}"])
        find_resume_point(compose(*overrides), overrides)
        assert {which for which, _ in queries} == {typed.strip("'")}


def test_runs_are_searched_in_the_given_folder(resume_points, tmp_path):
    queries = resume_points(ResumePoint(None, RUN, (*ORIGINAL, "data=folder")))
    with_run_overrides(["ckpt_path=last", f"paths.mlruns={tmp_path}", "data.root=/of/the/run"])
    assert queries == [("last", tmp_path)]


def test_the_runs_original_folder_is_ignored(resume_points):
    """The folder of the runs may have moved."""
    resume_points(ResumePoint(None, RUN, (*ORIGINAL, "paths.mlruns=/old")))
    assert with_run_overrides(["ckpt_path=last"]) == [*ORIGINAL, f"ckpt_path={RUN}"]


def test_a_checkpoint_without_a_run_keeps_the_given_overrides(resume_points, tmp_path):
    resume_points(ResumePoint(tmp_path / "x.ckpt"))
    overrides = [f"ckpt_path={tmp_path}/x.ckpt", "model=mean_knobs"]
    assert with_run_overrides(overrides) == overrides


def test_a_checkpoint_of_a_run_adds_the_runs_overrides(resume_points):
    resume_points(ResumePoint(None, RUN, ORIGINAL))
    assert with_run_overrides(["ckpt_path=x/best.ckpt"]) == [*ORIGINAL, "ckpt_path=x/best.ckpt"]


@pytest.mark.slow
def test_finished_runs_are_skipped_unless_made_longer(resume_points, monkeypatch):
    resume_points(
        ResumePoint(None, RUN, ORIGINAL, finished=True), ResumePoint(None, "b" * 32, ORIGINAL)
    )

    def reason(cfg, start):
        finished = start.finished and cfg.trainer.max_epochs <= 4
        return "run aaaaaaaa is finished" if finished else None

    monkeypatch.setattr(resume, "_nothing_left_reason", reason)
    assert with_run_overrides(["ckpt_path=last"])[-1] == f"ckpt_path={'b' * 32}"
    assert with_run_overrides(["ckpt_path=last", "trainer.max_epochs=5"])[-1] == f"ckpt_path={RUN}"
    resume_points(ResumePoint(None, RUN, ORIGINAL, finished=True))
    with pytest.raises(ValueError, match="run aaaaaaaa is finished"):
        with_run_overrides(["ckpt_path=last"])


def test_other_ranks_use_the_checkpoint_of_rank_0(resume_points, compose, monkeypatch):
    """They get its overrides and its file, and do not search for a run."""
    queries = resume_points(ResumePoint(Path("/a/last.ckpt"), RUN, ORIGINAL))
    overrides = [*ORIGINAL, f"ckpt_path={RUN}"]
    first = find_resume_point(compose(*overrides), overrides)
    assert len(queries) == 1
    monkeypatch.setattr(resume, "rank", lambda: 1)
    assert with_run_overrides(overrides) == overrides
    assert find_resume_point(compose(*overrides), overrides) == ResumePoint(first.checkpoint)
    assert len(queries) == 1


def test_ranks_started_by_another_program_cannot_resume(resume_points, compose, monkeypatch):
    resume_points()
    monkeypatch.delenv(CHECKPOINT_ENV)
    monkeypatch.setattr(resume, "rank", lambda: 1)
    with pytest.raises(ValueError, match=r"ckpt_path.*trainer=ddp"):
        find_resume_point(compose("ckpt_path=last"), ["ckpt_path=last"])
    assert find_resume_point(compose(), []) == ResumePoint()
