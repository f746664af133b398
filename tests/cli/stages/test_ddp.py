"""Distributed training in two processes: one run, stopped and resumed two_processes."""

import os
import signal
import time

import psutil
import pytest
import torch

STEPS = 4  # per epoch: half of those in one process
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two_processes(uninterrupted, quick_overrides, tmp_path_factory):
    """The quick training in two processes, uninterrupted."""
    folder = tmp_path_factory.mktemp("together") / "mlruns"
    finished = type(uninterrupted)(folder, [*quick_overrides, "trainer=ddp"]).start()
    code, stderr = finished.end()
    assert code == 0, stderr
    assert "Traceback" not in stderr
    return finished


@pytest.fixture
def training(uninterrupted, quick_overrides, store):
    """The quick training in two processes, not started."""
    return type(uninterrupted)(store.folder, [*quick_overrides, "trainer=ddp"])


def other_ranks(training):
    """Processes of rank 1, started by rank 0."""
    children = psutil.Process(training.process.pid).children()
    return [child for child in children if child.environ().get("LOCAL_RANK") == "1"]


def all_ended(processes, within_s=10):
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return not alive


def test_two_processes_log_one_run(two_processes, uninterrupted):
    assert two_processes.run.info.status == "FINISHED"
    assert two_processes.run.data.params["group.trainer"] == "ddp"
    curves = two_processes.curves()
    assert curves.keys() == uninterrupted.curves().keys()
    for name, points in curves.items():
        assert len({step for step, _ in points}) == len(points), name
    assert len(curves["train/loss"]) == 3 * STEPS
    assert (two_processes.folder / "listening" / "index.html").is_file()


def test_statistics_equal_those_of_one_process(two_processes, uninterrupted):
    """The mean knobs, relative to which skill is defined, cover the targets of both."""
    distributed, single = two_processes.weights(), uninterrupted.weights()
    assert distributed["knob_count"].equal(single["knob_count"])
    torch.testing.assert_close(distributed["knob_sum"], single["knob_sum"], rtol=1e-12, atol=0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_stop_on_a_signal_and_resume(training, two_processes, number):
    training.start().until_points("train/loss", STEPS + 2)
    ranks = other_ranks(training)
    assert len(ranks) == 1
    assert not [file for file in ranks[0].open_files() if "mlflow" in file.path]
    code, stderr = training.stop(number)
    assert code == 128 + number
    (line,) = (text for text in stderr.splitlines() if signal.Signals(number).name in text)
    assert "make train ckpt_path=last" in line
    assert all_ended(ranks)
    assert training.run.info.status == "KILLED"
    assert training.resume().end()[0] == 0
    assert training.run.info.status == "FINISHED"
    assert training.curves() == two_processes.curves()
    resumed, expected = training.weights(), two_processes.weights()
    assert [name for name in resumed if not resumed[name].equal(expected[name])] == []


def test_rank_0_fails_if_rank_1_dies(training):
    """With status FAILED, which Lightning alone would not set."""
    training.start().until_points("train/loss", 2)
    (rank,) = other_ranks(training)
    rank.kill()
    code, stderr = training.end()
    assert code == 1
    assert stderr.splitlines()[-1].startswith("error: another process of this training")
    assert training.run.info.status == "FAILED"


def test_rank_1_ends_if_rank_0_is_killed(training):
    training.start().until_points("train/loss", 2)
    ranks = other_ranks(training)
    os.kill(training.process.pid, signal.SIGKILL)
    assert training.end()[0] == -signal.SIGKILL
    assert all_ended(ranks)
    assert training.resume().end()[0] == 0


def test_rank_0_fails_if_rank_1_dies_before_they_connect(training):
    """It must not wait forever."""
    started = time.monotonic()
    training.start()
    while not (ranks := other_ranks(training)):
        assert time.monotonic() < started + 120
        time.sleep(0.01)
    ranks[0].kill()
    code, stderr = training.end()
    assert code == 1
    assert stderr.splitlines()[-1].startswith("error: another process of this training")
    assert training.run.info.status == "FAILED"
