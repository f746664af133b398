"""Two processes train one run; they stop, fail and go on together."""

import os
import signal
import time

import psutil
import pytest
import torch

STEPS = 4  # of an epoch: half as many as alone
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def together(straight, quick_words, tmp_path_factory):
    """The quick training by two processes, never stopped."""
    folder = tmp_path_factory.mktemp("together") / "mlruns"
    ended = type(straight)(folder, [*quick_words, "trainer=ddp"]).start()
    code, said = ended.end()
    assert code == 0, said
    assert "Traceback" not in said
    return ended


@pytest.fixture
def training(straight, quick_words, store):
    """The same, not yet started."""
    return type(straight)(store.folder, [*quick_words, "trainer=ddp"])


def others(training):
    """The processes it has started to train with it."""
    children = psutil.Process(training.process.pid).children()
    return [child for child in children if child.environ().get("LOCAL_RANK") == "1"]


def all_gone(processes, within_s=10):
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return not alive


def test_they_are_one_run(together, straight):
    assert together.run.info.status == "FINISHED"
    assert together.run.data.params["group.trainer"] == "ddp"
    curves = together.curves()
    assert curves.keys() == straight.curves().keys()
    for name, points in curves.items():
        assert len({step for step, _ in points}) == len(points), name
    assert len(curves["train/loss"]) == 3 * STEPS
    assert (together.folder / "listening" / "index.html").is_file()


def test_they_have_seen_what_one_would_have(together, straight):
    """The floor of the skill is the mean over the targets of both."""
    mine, alone = together.weights(), straight.weights()
    assert mine["knob_count"].equal(alone["knob_count"])
    torch.testing.assert_close(mine["knob_sum"], alone["knob_sum"], rtol=1e-12, atol=0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_they_stop_together_and_go_on(training, together, number):
    training.start().until_points("train/loss", STEPS + 2)
    followers = others(training)
    assert len(followers) == 1
    assert not [file for file in followers[0].open_files() if "mlflow" in file.path]
    code, said = training.stop(number)
    assert code == 128 + number
    assert (
        said == f"stopped by {signal.Signals(number).name}: `make train ckpt_path=last` goes on\n"
    )
    assert all_gone(followers)
    assert training.run.info.status == "KILLED"
    assert training.go_on().end()[0] == 0
    assert training.run.info.status == "FINISHED"
    assert training.curves() == together.curves()
    mine, theirs = training.weights(), together.weights()
    assert [name for name in mine if not mine[name].equal(theirs[name])] == []


def test_the_first_ends_with_the_other(training):
    """Filed as failed; Lightning would kill it before that."""
    training.start().until_points("train/loss", 2)
    (follower,) = others(training)
    follower.kill()
    code, said = training.end()
    assert code == 1
    assert said.splitlines()[-1].startswith("error: another process of this training")
    assert training.run.info.status == "FAILED"


def test_the_other_ends_with_the_first(training):
    training.start().until_points("train/loss", 2)
    followers = others(training)
    os.kill(training.process.pid, signal.SIGKILL)
    assert training.end()[0] == -signal.SIGKILL
    assert all_gone(followers)
    assert training.go_on().end()[0] == 0


def test_an_error_before_they_have_met(training):
    """The first one waits for the other, which is already gone: it must not wait for ever."""
    started = time.monotonic()
    training.start()
    while not (followers := others(training)):
        assert time.monotonic() < started + 120
        time.sleep(0.01)
    followers[0].kill()
    code, said = training.end()
    assert code == 1
    assert said.splitlines()[-1].startswith("error: another process of this training")
    assert training.run.info.status == "FAILED"
