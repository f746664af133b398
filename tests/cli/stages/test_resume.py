"""A resumed training equals an uninterrupted one: same run, metrics and weights."""

import re
import shutil
import signal

import pytest

from ai_mixer.cli.stages import train
from ai_mixer.tracking.rewrite_artifact_uris import rewrite_artifact_uris

STEPS = 8  # per epoch


def check_equal(training, other):
    """Metrics and weights are equal, bit for bit."""
    assert training.curves() == other.curves()
    weights, expected = training.weights(), other.weights()
    assert weights.keys() == expected.keys()
    assert [name for name in weights if not weights[name].equal(expected[name])] == []


def check_resume(training, uninterrupted, command, *overrides):
    """`ckpt_path=last` finishes the run, which then equals the uninterrupted one."""
    before = training.run.info
    assert before.status in {"RUNNING", "KILLED"}
    command(train, "ckpt_path=last", f"paths.mlruns={training.store.folder}", *overrides)
    assert (training.run.info.run_id, training.run.info.status) == (before.run_id, "FINISHED")
    check_equal(training, uninterrupted)


@pytest.mark.slow
def test_each_step_has_one_point_per_metric(uninterrupted):
    for name, points in uninterrupted.curves().items():
        assert len({step for step, _ in points}) == len(points), name


@pytest.mark.slow
def test_resume_after_a_kill_within_an_epoch(training, uninterrupted, command):
    """The resumed training has another number of workers, which prefetch examples."""
    training.start().until_points("train/loss", STEPS + 2)
    assert training.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    assert training.run.info.status == "RUNNING"
    model_override = "model.channels=8"  # a key that the default model does not have
    check_resume(training, uninterrupted, command, "loader.workers=1", model_override)
    tags = training.run.data.tags
    assert {name for name in tags if name.startswith("resumed.")} == {"resumed.loader.workers"}


@pytest.mark.slow
def test_resume_after_an_interrupt_in_the_first_epoch(training, uninterrupted, command):
    code, stderr = training.start().until_points("train/loss", 2).stop(signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert re.search("SIGINT.*make train ckpt_path=last", stderr)
    assert training.run.info.status == "KILLED"
    check_resume(training, uninterrupted, command)


@pytest.mark.slow
def test_resume_after_termination_during_the_evaluation(training, uninterrupted, command):
    code, stderr = training.start().until_stderr("evaluating on test songs").stop(signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert re.search("SIGTERM.*make train ckpt_path=last", stderr)
    assert training.run.info.status == "KILLED"
    check_resume(training, uninterrupted, command)


@pytest.mark.slow  # covered by the resume within an epoch as well
def test_training_is_deterministic(training, uninterrupted, command):
    """In this process, with a worker."""
    command(train, *training.overrides, "loader.workers=1")
    check_equal(training, uninterrupted)


@pytest.mark.slow
def test_finished_run_is_continued_with_more_epochs(training, uninterrupted, command, capsys):
    """In the same run, also after its folder was moved; the best metric is kept."""
    shutil.copytree(uninterrupted.store.folder, training.store.folder, dirs_exist_ok=True)
    rewrite_artifact_uris(training.store)
    mlruns = f"paths.mlruns={training.store.folder}"
    before = training.curves()
    with pytest.raises(SystemExit):
        command(train, "ckpt_path=last", mlruns)
    (line,) = capsys.readouterr().err.splitlines()
    run_id = training.run.info.run_id
    assert line.startswith(f"error: run {run_id[:8]}")
    assert "trainer.max_epochs" in line
    assert training.run.info.status == "FINISHED"
    command(train, "ckpt_path=last", mlruns, "trainer.max_epochs=4")
    assert (training.run.info.run_id, training.run.info.status) == (run_id, "FINISHED")
    after = training.curves()
    assert {name: points[: len(before[name])] for name, points in after.items()} == before
    assert len(after["train/loss"]) == 4 * STEPS
    assert after["best_val_skill"][-1] == (4 * STEPS, max(value for _, value in after["val/skill"]))
    assert training.run.data.tags["resumed.trainer.max_epochs"] == "4"
    assert uninterrupted.curves() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "before", "after", "number"),
    [
        (1, 0, 2, signal.SIGTERM),
        (1, 2, 1, signal.SIGKILL),
        (STEPS, 1, 0, signal.SIGTERM),
        (STEPS, 2, 2, signal.SIGKILL),
        (2 * STEPS + 3, 1, 1, signal.SIGINT),
        (2 * STEPS + 3, 0, 2, signal.SIGKILL),
    ],
)
def test_resume_after_any_step_with_any_number_of_workers(
    training, uninterrupted, command, steps, before, after, number
):
    training.start(f"loader.workers={before}").until_points("train/loss", steps).stop(number)
    check_resume(training, uninterrupted, command, f"loader.workers={after}")


@pytest.mark.slow
def test_resume_after_several_kills(training, uninterrupted, command):
    running = training.start()
    for steps in (1, 3, STEPS + 1, 2 * STEPS + 1):
        running.until_points("train/loss", steps).stop(signal.SIGKILL)
        running = training.resume()
    running.until_stderr("rendering songs").stop(signal.SIGKILL)
    check_resume(training, uninterrupted, command)


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_number_of_workers_does_not_change_the_training(training, tmp_path, monkeypatch, threads):
    """Bit for bit; also if training and workers share the cores."""
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    trainings = [type(training)(tmp_path / str(n), training.overrides[:-1]) for n in range(4)]
    for workers, run in zip((0, 1, 2, 0), trainings, strict=True):
        assert run.start(f"loader.workers={workers}").end()[0] == 0
    for run in trainings[1:]:
        check_equal(run, trainings[0])
