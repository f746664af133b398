"""A stopped training goes on as if nothing had been: same run, same curves, same weights."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import torch

from ai_mixer import train
from ai_mixer.tracking import Store, load_model_files

EPOCHS, STEPS = 3, 8


@pytest.fixture(scope="module")
def words(songs_folder, tmp_path_factory):
    """The command line of a training of seconds, but for where it is kept."""
    scratch = tmp_path_factory.mktemp("scratch")
    return [
        "data=folder",
        f"data.root={songs_folder}",
        "model=baseline_cnn",  # has dropout
        "model.channels=8",
        "loader.excerpt_s=0.5",
        f"loader.excerpts_per_song={STEPS // 2}",
        "loader.held_out_per_song=3",
        "loader.batch_size=2",
        "loader.workers=0",
        f"trainer.max_epochs={EPOCHS}",
        "trainer.log_every_n_steps=1",
        "callbacks.figures.every=0",
        "evaluate.excerpts_per_song=1",
        "render={songs: 1, seconds: 1.0}",
        f"paths.data={scratch}",
        f"paths.outputs={scratch}",
    ]


@pytest.fixture(scope="module")
def straight(words, tmp_path_factory):
    """The store of the same training, never stopped."""
    folder = tmp_path_factory.mktemp("straight") / "mlruns"
    ended = subprocess.run(argv(*words, place(folder)), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return Store(folder)


def argv(*words):
    return [sys.executable, "-m", "ai_mixer.train", *words]


def place(folder):
    return f"paths.mlruns={folder}"


def start(*words):
    """The training in a process group of its own, as a terminal's."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(argv(*words), **pipes, text=True, start_new_session=True)


def wait_for_points(process, folder, metric, count):
    """Until the run has so many points of a metric."""
    until = time.monotonic() + 300
    while len(points(folder, metric)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def wait_for_line(process, beginning):
    """Until the process says so on its standard error."""
    for line in process.stderr:
        if line.startswith(beginning):
            return
    raise AssertionError(f"never said: {beginning}")


def points(folder, metric):
    database = Path(folder) / "mlflow.db"
    if not database.is_file():
        return []
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        query = "SELECT step, value FROM metrics WHERE key = ? ORDER BY step"
        return connection.execute(query, (metric,)).fetchall()


def stop(process, number):
    """A signal to the whole group, as Ctrl-C does; returns the exit code and what was said."""
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def only_run(folder):
    store = Store(folder)
    names = [experiment.experiment_id for experiment in store.client.search_experiments()]
    (run,) = store.client.search_runs(names)
    return run


def curves(folder):
    """Every metric's points but the machine's load, which no seed repeats."""
    run, client = only_run(folder), Store(folder).client
    names = [name for name in run.data.metrics if not name.startswith("system/")]
    histories = {name: client.get_metric_history(run.info.run_id, name) for name in names}
    return {name: [(p.step, p.value) for p in history] for name, history in histories.items()}


def weights(folder):
    path = Path(only_run(folder).info.artifact_uri.removeprefix("file://"), "checkpoints/last.ckpt")
    return torch.load(path, weights_only=True)["state_dict"]


def same(one, other):
    return one.keys() == other.keys() and all(one[key].equal(other[key]) for key in one)


def goes_on_as_if_nothing_had_been(command, folder, straight, *more):
    """`ckpt=last` finishes the same run with the curves and weights of the straight one."""
    before = only_run(folder).info
    assert before.status in {"RUNNING", "KILLED"}
    command(train, "ckpt=last", place(folder), *more)
    after = only_run(folder).info
    assert (after.run_id, after.status) == (before.run_id, "FINISHED")
    assert curves(folder) == curves(straight.folder)
    assert same(weights(folder), weights(straight.folder))
    mine, other = (load_model_files(run_folder(f))[0] for f in (folder, straight.folder))
    assert same(mine, other)


def run_folder(folder):
    return Path(only_run(folder).info.artifact_uri.removeprefix("file://"))


def test_no_curve_has_two_points_at_a_step(straight):
    for name, history in curves(straight.folder).items():
        steps = [step for step, _ in history]
        assert len(set(steps)) == len(steps), name


def test_killed_in_the_middle_of_an_epoch(words, straight, command, tmp_path):
    """Workers read ahead, and the resumed training has another number of them."""
    process = start(*words, place(tmp_path))
    wait_for_points(process, tmp_path, "train/loss", STEPS + 2)
    assert stop(process, signal.SIGKILL)[0] == -signal.SIGKILL
    assert only_run(tmp_path).info.status == "RUNNING"
    goes_on_as_if_nothing_had_been(command, tmp_path, straight, "loader.workers=1")
    tags = only_run(tmp_path).data.tags
    assert tags["resumed.loader.workers"] == "1"
    assert not [name for name in tags if name.startswith("resumed.model")]


def test_ctrl_c_before_the_first_epoch_ended(words, straight, command, tmp_path):
    process = start(*words, place(tmp_path))
    wait_for_points(process, tmp_path, "train/loss", 2)
    code, said = stop(process, signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert said.splitlines()[-1] == "stopped by SIGINT: `make train ckpt=last` goes on"
    assert "Traceback" not in said
    assert only_run(tmp_path).info.status == "KILLED"
    goes_on_as_if_nothing_had_been(command, tmp_path, straight)


def test_terminated_while_it_is_evaluated(words, straight, command, tmp_path):
    process = start(*words, place(tmp_path))
    wait_for_line(process, "evaluating on test songs")
    code, said = stop(process, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert said.splitlines()[-1] == "stopped by SIGTERM: `make train ckpt=last` goes on"
    assert only_run(tmp_path).info.status == "KILLED"
    goes_on_as_if_nothing_had_been(command, tmp_path, straight)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("workers", [[1, 0], [2, 2], [0, 2]])
@pytest.mark.parametrize("steps", [1, STEPS, 2 * STEPS + 3])
def test_stopped_anywhere_with_any_workers(
    words, straight, command, tmp_path, number, workers, steps
):
    process = start(*words, place(tmp_path), f"loader.workers={workers[0]}")
    wait_for_points(process, tmp_path, "train/loss", steps)
    stop(process, number)
    goes_on_as_if_nothing_had_been(command, tmp_path, straight, f"loader.workers={workers[1]}")


@pytest.mark.slow
def test_killed_again_and_again(words, straight, command, tmp_path):
    process = start(*words, place(tmp_path))
    for steps in (1, 3, STEPS + 1, 2 * STEPS + 1):
        wait_for_points(process, tmp_path, "train/loss", steps)
        stop(process, signal.SIGKILL)
        process = start("ckpt=last", place(tmp_path))
    wait_for_line(process, "rendering songs")
    stop(process, signal.SIGKILL)
    goes_on_as_if_nothing_had_been(command, tmp_path, straight)


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_seed_gives_one_training_with_any_workers(words, tmp_path, monkeypatch, threads):
    """Bit for bit; also where there are cores to share between training and workers."""
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    found = []
    for workers in (0, 1, 2, 0):
        folder = tmp_path / str(len(found))
        more = [place(folder), f"loader.workers={workers}"]
        subprocess.run(argv(*words, *more), check=True, capture_output=True)
        found.append((curves(folder), weights(folder)))
    for histories, state in found[1:]:
        assert histories == found[0][0]
        assert same(state, found[0][1])


def test_a_seed_gives_one_training(words, straight, command, tmp_path):
    """In another process, with a worker."""
    command(train, *words, place(tmp_path), "loader.workers=1")
    assert curves(tmp_path) == curves(straight.folder)
    assert same(weights(tmp_path), weights(straight.folder))
