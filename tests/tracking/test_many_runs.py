"""Many processes write to process SQLite database at once: nothing is lost, without warnings."""

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
    import mlflow.store.tracking.sqlalchemy_store  # takes seconds, so before the common start

folder, number, points = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with Run.start(Store(folder), "crowd", name=f"writer {number}") as run:
    run.log_params({"number": number})
    for step in range(points):
        run.log_metrics({"loss": 1000 * number + step, "skill": -step}, step)
"""


def writer(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WRITER, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "points"), [(2, 5), pytest.param(8, 200, marks=pytest.mark.slow)]
)
def test_many_processes_create_the_database_and_write_at_once(
    tmp_path: Path, processes: int, points: int
) -> None:
    folder = tmp_path / "new"
    with ExitStack() as stack:
        writers = [
            stack.enter_context(writer(folder, number, points)) for number in range(processes)
        ]
        for process in writers:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        assert not folder.exists()
        for process in writers:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in writers:
            out, err = process.communicate(timeout=540)
            assert (process.returncode, out, err) == (0, "", "")  # no other output

    store = Store(folder)
    runs = store.client.search_runs([store.experiment("crowd")])
    assert sorted(int(run.data.params["number"]) for run in runs) == list(range(processes))
    for run in runs:
        assert run.info.status == "FINISHED"
        first = 1000 * int(run.data.params["number"])
        for name, start, sign in (("loss", first, 1), ("skill", 0, -1)):
            curve = store.client.get_metric_history(run.info.run_id, name)
            logged = sorted((point.step, point.value) for point in curve)
            assert logged == [(step, start + sign * step) for step in range(points)]
    files = {path.name for path in folder.iterdir() if "mlflow.db-" not in path.name}
    assert files == {"artifacts", "mlflow.db"}
