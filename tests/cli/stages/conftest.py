"""Fixtures: small trainings of six songs by the band, two epochs of one or two steps."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf

from ai_mixer.cli.pipeline import train
from ai_mixer.inference.predictor import load_model
from ai_mixer.tracking import Store, load_model_files
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.utils.progress import configure_warnings

OVERRIDES = [
    "debug=fast",
    "data.source.songs=6",
    "data.source.duration_s=5",
    "loader.excerpt_s=1",
    "render.songs=3",
    "render.seconds=2",
    "model=baseline_cnn",
    "model.channels=8",
    "loader.batch_size=2",
    "trainer.max_epochs=2",
]
CHOICES = {"model": "baseline_cnn", "debug": "fast", "data": "band_small"}


class Training:
    """A training in a process group of its own, as in a terminal, with its own store."""

    def __init__(self, folder, overrides):
        self.store = Store(folder)
        self.overrides = [*overrides, f"paths.mlruns={folder}"]
        self.process = None

    def start(self, *overrides):
        command = [sys.executable, "-m", "ai_mixer.cli.stages.train", *self.overrides, *overrides]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, **pipes, text=True, start_new_session=True)
        return self

    def resume(self, *overrides):
        """Resume the last run of the store in a new process."""
        return Training(self.store.folder, ["ckpt_path=last"]).start(*overrides)

    def until_points(self, metric, count):
        """Wait until the run has `count` points of a metric."""
        end = time.monotonic() + 300
        while len(self.points(metric)) < count:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
        return self

    def until_stderr(self, prefix):
        """Wait for a line on stderr that starts with `prefix`."""
        assert any(line.startswith(prefix) for line in self.process.stderr)
        return self

    def stop(self, number):
        """Send a signal to the process group, as Ctrl-C does; return exit code and stderr."""
        os.killpg(self.process.pid, number)
        return self.end()

    def end(self):
        """Wait for the end; return exit code and stderr."""
        _, stderr = self.process.communicate(timeout=300)
        return self.process.returncode, stderr

    def points(self, metric):
        if not self.store.exists:
            return []
        uri = f"{self.store.database.as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            query = "SELECT step, value FROM metrics WHERE key = ? ORDER BY step"
            return connection.execute(query, (metric,)).fetchall()

    @property
    def run(self):
        """The only run of the store."""
        experiments = self.store.client.search_experiments()
        (run,) = self.store.client.search_runs([known.experiment_id for known in experiments])
        return run

    @property
    def folder(self):
        return artifact_folder(self.run.info.artifact_uri)

    def curves(self):
        """Points of every metric except those of the system, which are not deterministic."""
        names = [name for name in self.run.data.metrics if not name.startswith("system/")]
        return {name: self.points(name) for name in names}

    def weights(self):
        """Weights of the last epoch and of the saved model."""
        last = torch.load(self.folder / "checkpoints" / "last.ckpt", weights_only=True)
        saved, _ = load_model_files(self.folder)
        return {**last["state_dict"], **{f"saved {name}": w for name, w in saved.items()}}


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """The working directory of the stages, with data/, mlruns/ and outputs/."""
    return tmp_path_factory.mktemp("a home")


@pytest.fixture(scope="session")
def small_overrides(home):
    """Overrides of the small training."""
    paths = [f"paths.{name}={home / name}" for name in ("data", "outputs", "mlruns")]
    return [*OVERRIDES, *paths]


@pytest.fixture(scope="session")
def small_training(small_overrides, compose):
    """Function: further overrides → the finished run."""

    def make(*overrides):
        configure_warnings()
        cfg, defaults = compose(*small_overrides, *overrides), compose()
        defaults.run_name = cfg.run_name  # made of Hydra's choices
        return train(cfg, defaults, [*small_overrides, *overrides], CHOICES)

    return make


@pytest.fixture(scope="session")
def trained(small_training, home):
    """The finished `run`, its `folder`, and its MLflow `record`."""
    run = small_training()
    record = Store(home / "mlruns").client.get_run(run.id)
    return SimpleNamespace(run=run, folder=Path(run.artifact_dir), record=record)


@pytest.fixture(scope="session")
def mixer(trained):
    return load_model(trained.folder)


@pytest.fixture
def copied(trained, tmp_path):
    """A folder with only the two files of the model."""
    for name in ("model.json", "model.safetensors"):
        shutil.copy(trained.folder / name, tmp_path)
    return tmp_path


@pytest.fixture
def at_home(home, trained, monkeypatch):
    """The current directory holds mlruns/."""
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def command(monkeypatch, capsys):
    """Function: run a stage's `main` with overrides; return its output."""

    def run(stage, *overrides):
        monkeypatch.setattr(sys, "argv", [stage.__name__, *overrides])
        stage.main()
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="session")
def config(trained):
    """The resolved config of the run."""
    return OmegaConf.load(trained.folder / "config.yaml")


@pytest.fixture(scope="session")
def quick_overrides(songs_folder, tmp_path_factory):
    """Overrides of a training of three epochs of eight steps; the model has dropout."""
    scratch = tmp_path_factory.mktemp("scratch")
    return [
        "data=folder",
        f"data.root={songs_folder}",
        "model=baseline_cnn",
        "model.channels=8",
        "loader.excerpt_s=0.5",
        "loader.excerpts_per_song=4",
        "loader.held_out_per_song=3",
        "loader.batch_size=2",
        "loader.workers=0",
        "trainer.max_epochs=3",
        "trainer.log_every_n_steps=1",
        "callbacks.knob_plots.every_n_epochs=0",
        "evaluate.excerpts_per_song=1",
        "render={songs: 1, seconds: 1.0}",
        f"paths.data={scratch}",
        f"paths.outputs={scratch}",
    ]


@pytest.fixture
def training(quick_overrides, store):
    """The quick training, not started."""
    return Training(store.folder, quick_overrides)


@pytest.fixture(scope="session")
def uninterrupted(quick_overrides, tmp_path_factory):
    """The quick training, uninterrupted."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert Store(folder).client  # creates the database
    finished = Training(folder, quick_overrides).start()
    code, stderr = finished.end()
    assert code == 0, stderr
    return finished
