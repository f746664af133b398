"""One small training for all stage tests: six songs by the band, two epochs of one step or two."""

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from ai_mixer.mixer import load_model
from ai_mixer.quiet import quiet
from ai_mixer.tracking import Store
from ai_mixer.train import train

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
        quiet()
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
