"""A stopped training goes on as if nothing had been: same run, same curves, same weights."""

import shutil
import signal

import pytest

from ai_mixer.cli.stages import train
from ai_mixer.tracking.rewrite_artifact_uris import rewrite_artifact_uris

STEPS = 8  # of an epoch


def same(one, other):
    """Bit for bit."""
    assert one.curves() == other.curves()
    mine, theirs = one.weights(), other.weights()
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not mine[name].equal(theirs[name])] == []


def goes_on_as_if_nothing_had_been(training, straight, command, *more):
    """`ckpt_path=last` finishes the same run with the curves and weights of the straight one."""
    before = training.run.info
    assert before.status in {"RUNNING", "KILLED"}
    command(train, "ckpt_path=last", f"paths.mlruns={training.store.folder}", *more)
    assert (training.run.info.run_id, training.run.info.status) == (before.run_id, "FINISHED")
    same(training, straight)


def test_no_curve_has_two_points_at_a_step(straight):
    for name, points in straight.curves().items():
        assert len({step for step, _ in points}) == len(points), name


def test_killed_in_the_middle_of_an_epoch(training, straight, command):
    """Workers read ahead, and the resumed training has another number of them."""
    training.start().until_points("train/loss", STEPS + 2)
    assert training.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    assert training.run.info.status == "RUNNING"
    of_this_model = "model.channels=8"  # the default one has none
    goes_on_as_if_nothing_had_been(training, straight, command, "loader.workers=1", of_this_model)
    tags = training.run.data.tags
    assert {name for name in tags if name.startswith("resumed.")} == {"resumed.loader.workers"}


@pytest.mark.slow
def test_ctrl_c_before_the_first_epoch_ended(training, straight, command):
    code, said = training.start().until_points("train/loss", 2).stop(signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert said == "stopped by SIGINT: `make train ckpt_path=last` goes on\n"
    assert training.run.info.status == "KILLED"
    goes_on_as_if_nothing_had_been(training, straight, command)


@pytest.mark.slow
def test_terminated_while_it_is_evaluated(training, straight, command):
    code, said = training.start().until_said("evaluating on test songs").stop(signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert said == "stopped by SIGTERM: `make train ckpt_path=last` goes on\n"
    assert training.run.info.status == "KILLED"
    goes_on_as_if_nothing_had_been(training, straight, command)


@pytest.mark.slow  # a kill in the middle of an epoch proves it, too
def test_a_seed_gives_one_training(training, straight, command):
    """In another process, with a worker."""
    command(train, *training.words, "loader.workers=1")
    same(training, straight)


def test_a_finished_run_can_be_made_longer(training, straight, command, capsys):
    """In the same run, also after its folder was moved; what it was best at is remembered."""
    shutil.copytree(straight.store.folder, training.store.folder, dirs_exist_ok=True)
    rewrite_artifact_uris(training.store)
    place = f"paths.mlruns={training.store.folder}"
    before = training.curves()
    with pytest.raises(SystemExit):
        command(train, "ckpt_path=last", place)
    (line,) = capsys.readouterr().err.splitlines()
    run_id = training.run.info.run_id
    assert (
        line
        == f"error: run {run_id[:8]} is finished after 3 epochs: raise trainer.max_epochs to go on"
    )
    assert training.run.info.status == "FINISHED"
    command(train, "ckpt_path=last", place, "trainer.max_epochs=4")
    assert (training.run.info.run_id, training.run.info.status) == (run_id, "FINISHED")
    after = training.curves()
    assert {name: points[: len(before[name])] for name, points in after.items()} == before
    assert len(after["train/loss"]) == 4 * STEPS
    assert after["best/val/skill"][-1] == (4 * STEPS, max(value for _, value in after["val/skill"]))
    assert training.run.data.tags["resumed.trainer.max_epochs"] == "4"
    assert straight.curves() == before


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
def test_stopped_anywhere_with_any_workers(
    training, straight, command, steps, before, after, number
):
    training.start(f"loader.workers={before}").until_points("train/loss", steps).stop(number)
    goes_on_as_if_nothing_had_been(training, straight, command, f"loader.workers={after}")


@pytest.mark.slow
def test_killed_again_and_again(training, straight, command):
    going = training.start()
    for steps in (1, 3, STEPS + 1, 2 * STEPS + 1):
        going.until_points("train/loss", steps).stop(signal.SIGKILL)
        going = training.go_on()
    going.until_said("rendering songs").stop(signal.SIGKILL)
    goes_on_as_if_nothing_had_been(training, straight, command)


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_workers_change_nothing(training, tmp_path, monkeypatch, threads):
    """Bit for bit; also where there are cores to share between training and workers."""
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    ended = [type(training)(tmp_path / str(n), training.words[:-1]) for n in range(4)]
    for workers, one in zip((0, 1, 2, 0), ended, strict=True):
        assert one.start(f"loader.workers={workers}").end()[0] == 0
    for one in ended[1:]:
        same(one, ended[0])
