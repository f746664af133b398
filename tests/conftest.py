"""What every floor may use: six small songs, an empty store, configs composed as the stages do."""

import os
import shutil

# Before torch is loaded, and for the processes that tests start: our pieces are small, and threads
# of several processes waiting for each other cost ten times the work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hydra
import numpy as np
import pytest
import soundfile
from hydra.core.hydra_config import HydraConfig
from omegaconf import open_dict

from ai_mixer.console.load import config_folder
from ai_mixer.tracking import Store

RATE = 44100


def pytest_addoption(parser):
    words = "write tests/golden anew: the numbers are meant to change"
    parser.addoption("--write-golden", action="store_true", help=words)


@pytest.fixture(scope="session")
def songs_folder(tmp_path_factory):
    """Six songs of 3 s by six artists in two genres, as FLAC: genre/artist/song."""
    root = tmp_path_factory.mktemp("songs")
    for number, place in enumerate(["rock/a", "rock/b", "rock/c", "jazz/d", "jazz/e", "jazz/f"]):
        folder = root / place
        folder.mkdir(parents=True)
        soundfile.write(folder / "song.flac", _small_song(number), RATE)
    return root


@pytest.fixture(scope="session")
def compose():
    """A function: words of the command line → the config the stage gets, not yet resolved.

    Without the user's own settings (configs/local).
    """
    has_local = {"train"}

    def compose_page(*words, page="train"):
        words = [*words, *(["~local"] if page in has_local else [])]
        with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
            cfg = hydra.compose(page, words, return_hydra_config=True)
        HydraConfig.instance().set_config(cfg)
        with open_dict(cfg):
            del cfg["hydra"]
            if "run_name" in cfg:  # asks Hydra for the choices, which the next composing replaces
                cfg.run_name = str(cfg.run_name)
        return cfg

    return compose_page


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow's database without a run, made once: making one takes seconds."""
    store = Store(tmp_path_factory.mktemp("template"))
    assert store.client.get_experiment("0") is not None
    return store.database


@pytest.fixture
def store(tmp_path, empty_database):
    """A store of its own, with a space in its path."""
    folder = tmp_path / "my runs"
    folder.mkdir()
    shutil.copy(empty_database, folder / "mlflow.db")
    return Store(folder)


def _small_song(number, seconds=3.0):
    """[T, 2]: a chord that wanders between the channels, a hit twice a second, some hiss."""
    rng = np.random.default_rng(number)
    time = np.arange(round(seconds * RATE)) / RATE
    chord = [np.sin(2 * np.pi * 110 * 2 ** (note / 12) * time) for note in rng.choice(36, 4)]
    hits = rng.standard_normal(time.shape) * np.exp(-(time % 0.5) / 0.05)
    hiss = 0.05 * rng.standard_normal((2, *time.shape))
    pan = 0.5 + 0.3 * np.sin(2 * np.pi * 0.5 * time + number)
    sides = np.stack([pan, 1 - pan]) * sum(chord) / 4 + 0.5 * hits + hiss
    return (0.7 * sides / np.abs(sides).max()).T
