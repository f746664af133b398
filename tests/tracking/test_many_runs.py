"""Many trainings write at once into one SQLite file: nothing is lost, nobody complains."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from ai_mixer.tracking.store import Store

WRITER = """
import sys
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.store import _quiet
with _quiet():
    import mlflow.store.tracking.sqlalchemy_store  # takes seconds: before the race, not in it

folder, number, points = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with Run.start(Store(folder), "crowd", name=f"writer {number}") as run:
    run.log_params({"number": number})
    for step in range(points):
        run.log_metrics({"loss": 1000 * number + step, "skill": -step}, step)
"""


def writer(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WRITER, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize(
    ("processes", "points"), [(2, 5), pytest.param(8, 200, marks=pytest.mark.slow)]
)
def test_many_processes_start_at_once_on_no_database(
    tmp_path: Path, processes: int, points: int
) -> None:
    folder = tmp_path / "new"
    with ExitStack() as stack:
        writers = [
            stack.enter_context(writer(folder, number, points)) for number in range(processes)
        ]
        for one in writers:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        assert not folder.exists()
        for one in writers:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        for one in writers:
            out, err = one.communicate(timeout=540)
            assert (one.returncode, out, err) == (0, "", "")  # and not a word of chatter

    store = Store(folder)
    runs = store.client.search_runs([store.experiment("crowd")])
    assert sorted(int(run.data.params["number"]) for run in runs) == list(range(processes))
    for run in runs:
        assert run.info.status == "FINISHED"
        first = 1000 * int(run.data.params["number"])
        for name, start, way in (("loss", first, 1), ("skill", 0, -1)):
            curve = store.client.get_metric_history(run.info.run_id, name)
            points_there = sorted((point.step, point.value) for point in curve)
            assert points_there == [(step, start + way * step) for step in range(points)]
    left = {path.name for path in folder.iterdir() if "mlflow.db-" not in path.name}
    assert left == {"artifacts", "mlflow.db"}
