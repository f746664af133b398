"""One small training for all stage tests: six songs by the band, two epochs of one step or two."""

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

WORDS = [
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
    """A training in a process group of its own, as a terminal's, kept in a folder of its own."""

    def __init__(self, folder, words):
        self.store = Store(folder)
        self.words = [*words, f"paths.mlruns={folder}"]
        self.process = None

    def start(self, *more):
        command = [sys.executable, "-m", "ai_mixer.cli.stages.train", *self.words, *more]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, **pipes, text=True, start_new_session=True)
        return self

    def go_on(self, *more):
        """With no more words than a user needs."""
        return Training(self.store.folder, ["ckpt_path=last"]).start(*more)

    def until_points(self, metric, count):
        """Wait until the run has so many points of a metric."""
        end = time.monotonic() + 300
        while len(self.points(metric)) < count:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
        return self

    def until_said(self, beginning):
        """Wait until it says so on its standard error."""
        assert any(line.startswith(beginning) for line in self.process.stderr)
        return self

    def stop(self, number):
        """A signal to the whole group, as Ctrl-C is; returns the exit code and what was said."""
        os.killpg(self.process.pid, number)
        return self.end()

    def end(self):
        """The exit code and what was said on standard error."""
        _, said = self.process.communicate(timeout=300)
        return self.process.returncode, said

    def points(self, metric):
        if not self.store.exists:
            return []
        address = f"{self.store.database.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            query = "SELECT step, value FROM metrics WHERE key = ? ORDER BY step"
            return connection.execute(query, (metric,)).fetchall()

    @property
    def run(self):
        """What MLflow says about the only run there is."""
        experiments = self.store.client.search_experiments()
        (run,) = self.store.client.search_runs([known.experiment_id for known in experiments])
        return run

    @property
    def folder(self):
        return artifact_folder(self.run.info.artifact_uri)

    def curves(self):
        """Every metric's points but the machine's load, which no seed repeats."""
        names = [name for name in self.run.data.metrics if not name.startswith("system/")]
        return {name: self.points(name) for name in names}

    def weights(self):
        """Of the last epoch, and of the model that was kept."""
        last = torch.load(self.folder / "checkpoints" / "last.ckpt", weights_only=True)
        kept, _ = load_model_files(self.folder)
        return {**last["state_dict"], **{f"kept {name}": w for name, w in kept.items()}}


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """The folder the stages are run in, with data/, mlruns/ and outputs/ below it."""
    return tmp_path_factory.mktemp("a home")


@pytest.fixture(scope="session")
def words(home):
    """The command line of the small training."""
    places = [f"paths.{name}={home / name}" for name in ("data", "outputs", "mlruns")]
    return [*WORDS, *places]


@pytest.fixture(scope="session")
def small_training(words, compose):
    """A function: more words → the finished run, made as `main` makes it."""

    def make(*more):
        configure_warnings()
        cfg, defaults = compose(*words, *more), compose()
        defaults.run_name = cfg.run_name  # Hydra's choices are the run's
        return train(cfg, defaults, [*words, *more], CHOICES)

    return make


@pytest.fixture(scope="session")
def trained(small_training, home):
    """The finished `run`, its `folder`, and what MLflow says about it (`record`)."""
    run = small_training()
    record = Store(home / "mlruns").client.get_run(run.id)
    return SimpleNamespace(run=run, folder=Path(run.artifact_dir), record=record)


@pytest.fixture(scope="session")
def mixer(trained):
    return load_model(trained.folder)


@pytest.fixture
def copied(trained, tmp_path):
    """A folder with the two files of the model and nothing else."""
    for name in ("model.json", "model.safetensors"):
        shutil.copy(trained.folder / name, tmp_path)
    return tmp_path


@pytest.fixture
def at_home(home, trained, monkeypatch):
    """As a user stands there: the current folder holds mlruns/."""
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def command(monkeypatch, capsys):
    """A function: run a stage's `main` with words of the command line; returns what it printed."""

    def run(stage, *words):
        monkeypatch.setattr(sys, "argv", [stage.__name__, *words])
        stage.main()
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="session")
def config(trained):
    """The run's own resolved config."""
    return OmegaConf.load(trained.folder / "config.yaml")


@pytest.fixture(scope="session")
def quick_words(songs_folder, tmp_path_factory):
    """A training of three epochs of eight steps that takes a second or two, model with dropout."""
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
def training(quick_words, store):
    """The quick one, not yet started."""
    return Training(store.folder, quick_words)


@pytest.fixture(scope="session")
def straight(quick_words, tmp_path_factory, empty_database):
    """The quick one, never stopped."""
    folder = tmp_path_factory.mktemp("straight")
    shutil.copy(empty_database, folder / "mlflow.db")
    ended = Training(folder, quick_words).start()
    code, said = ended.end()
    assert code == 0, said
    return ended
