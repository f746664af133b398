"""Several machines: a proxy in front of the database, and workers as cluster jobs."""

import socket
import subprocess
import sys

import optuna
import pytest

from ai_mixer.tuning.storage import open_storage
from ai_mixer.tuning.study import quiet_optuna
from ai_mixer.tuning.trial_queue import enqueue_trials, unique_trials
from ai_mixer.tuning.worker import WorkerSettings, run_worker

pytestmark = pytest.mark.slow

SERVER = """
import sys
from optuna.storages import RDBStorage, run_grpc_proxy_server
run_grpc_proxy_server(RDBStorage(sys.argv[1]), host="localhost", port=int(sys.argv[2]))
"""


@pytest.fixture
def proxy(tmp_path):
    """URL of a proxy in front of a database."""
    pytest.importorskip("grpc", reason="the extra `scale` is not installed")
    with socket.socket() as unused:
        unused.bind(("localhost", 0))
        port = unused.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-c", SERVER, f"sqlite:///{tmp_path}/db", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    yield f"grpc://localhost:{port}"
    server.kill()
    server.wait()


def test_study_behind_a_proxy(proxy):
    with quiet_optuna():
        study = optuna.create_study(study_name="mine", storage=open_storage(proxy, "", "", ""))
    enqueue_trials(study, 5)
    assert (
        run_worker(
            study,
            lambda trial: [trial.suggest_float("x", 0, 1)],
            WorkerSettings(poll_interval_s=0.1),
        )
        == 5
    )
    with quiet_optuna():
        loaded = optuna.load_study(study_name="mine", storage=open_storage(proxy, "", "", ""))
    assert [trial.values for trial in unique_trials(loaded)] == [
        trial.values for trial in study.trials
    ]


def test_workers_as_cluster_jobs(sweep):
    """With submitit's local executor, which starts the jobs that it would queue with SLURM."""
    pytest.importorskip("submitit", reason="the extra `scale` is not installed")
    overrides = ["study=mine", "search=none", "optimizer.lr=tag(log,interval(1e-5,1e-2))"]
    sweep.start(*overrides, "trials=1", "trainer.max_epochs=1")
    sweep.end()
    study = sweep.study("mine")
    enqueue_trials(study, 5)
    jobs = ["cluster=local", "workers=2", f"paths.outputs={sweep.folder}"]
    output = sweep.start(
        "attach_to=mine", *jobs, "job.timeout_min=5", "+job.slurm_partition=short"
    ).end()
    assert output.count("job ") == 2
    assert "make sweep resume=mine" in output
    sweep.start("resume=mine", "trials=5")
    sweep.end()
    assert sweep.states("mine") == {"COMPLETE": 5}
    assert len({process for _, _, process in sweep.epochs()}) >= 2
