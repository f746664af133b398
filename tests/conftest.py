"""Fixtures for all tests: small songs, an empty store, configs composed as the stages do."""

import functools
import gc
import io
import logging
import os
import pickle
import shutil
import tempfile
import uuid
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

# Set before torch is imported, and for subprocesses: the operations in tests are small, and threads
# of several processes that wait for each other take ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hydra
import pytest
import soundfile
import torch
from filelock import FileLock
from hydra.core.hydra_config import HydraConfig
from hypothesis import HealthCheck, settings
from omegaconf import OmegaConf, open_dict

from ai_mixer.config.folder import config_folder
from ai_mixer.mixing import preview_audio
from ai_mixer.tracking import Store
from ai_mixer.tracking import store as store_module
from ai_mixer.utils.log import logger
from helpers.datasets import WRITERS, small_song

RATE = 44100
STAGES = "tests/cli/stages/"
APPLICATION = "tests/app/"
ENGINE = f"{APPLICATION}test_engine.py"

# The duration of an example depends on the load of the machine, not on the tested property.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def pytest_collection_finish():
    """Collected tests and imported modules live to the end: collecting garbage skips them."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish():
    """pytest collects garbage five times at its end, each time among all objects."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items):
    """What compiles the engine comes first, and the application, which waits for it, in between.

    Workers of xdist take files in this order; three that wait for one compilation use one core.
    """
    application = [item for item in items if item.nodeid.startswith(APPLICATION)]
    engine = [item for item in application if item.nodeid.startswith(ENGINE)]
    others = [item for item in items if not item.nodeid.startswith(APPLICATION)]
    middle = next((n for n, item in enumerate(others) if item.nodeid >= "tests/data"), 0)
    rest = [item for item in application if item not in engine]
    items[:] = [*engine, *others[:middle], *rest, *others[middle:]]


def pytest_xdist_auto_num_workers():
    """One more than there are cores: some tests wait for servers, browsers and other processes."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config, log):
    """Each file is a unit of work, and all tests of stages are one: they share a training."""
    from xdist.scheduler import LoadFileScheduling

    class StagesTogether(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return STAGES if nodeid.startswith(STAGES) else super()._split_scope(nodeid)

    return StagesTogether(config, log)


@pytest.fixture(scope="session", autouse=True)
def read_each_config_once():
    """A thousand tests compose the same 40 files. PyYAML and OmegaConf take 3 ms for each."""
    load = OmegaConf.load
    pickled = functools.cache(lambda text: pickle.dumps(load(io.StringIO(text))))

    def load_once(file):
        text = Path(file).read_text("utf-8") if isinstance(file, str | Path) else file.read()
        return pickle.loads(pickled(text))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OmegaConf, "load", staticmethod(load_once))
        yield


@pytest.fixture(scope="session", autouse=True)
def create_one_database(tmp_path_factory):
    """MLflow takes 4 s to create its tables: all stores of the tests are copies of one."""
    create = store_module._create_database
    folder = tmp_path_factory.getbasetemp()
    shared = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "empty.db"

    def copy(database, artifacts):
        artifacts.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{shared}.lock"):
            if not shared.exists():
                with store_module._quiet():
                    create(shared, shared.with_suffix(""))
        draft = database.with_name(f".{database.name}-{uuid.uuid4().hex}")
        shutil.copy(shared, draft)
        with suppress(FileExistsError):
            os.link(draft, database)
        draft.unlink()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "_create_database", copy)
        yield


@pytest.fixture(scope="session", autouse=True)
def short_previews():
    """Most mixes of the tests write a report, and none is about its two passages as MP3."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preview_audio, "LENGTH_S", 1.0)
        yield


@pytest.fixture(autouse=True)
def threads_of_torch():
    """Results differ in the last bit with the number of threads: every test has the same one."""
    before = torch.get_num_threads()
    yield
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == before, "the test changes the number of threads for all that follow"


@pytest.fixture
def log(caplog, monkeypatch):
    """`caplog` for the project's logger at INFO, whether or not logging was configured before."""
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger.name)
    return caplog


def pytest_addoption(parser):
    text = "rewrite tests/golden: the numbers are meant to change"
    parser.addoption("--write-golden", action="store_true", help=text)


@pytest.fixture(scope="session")
def songs_folder(tmp_path_factory):
    """Six songs of 3 s by six artists in two genres, as FLAC: genre/artist/song."""
    root = tmp_path_factory.mktemp("songs")
    for number, place in enumerate(["rock/a", "rock/b", "rock/c", "jazz/d", "jazz/e", "jazz/f"]):
        folder = root / place
        folder.mkdir(parents=True)
        soundfile.write(folder / "song.flac", small_song(number), RATE)
    return root


@pytest.fixture(scope="session")
def compose():
    """A function: overrides → the unresolved config that the stage `page` gets.

    Without the user's own settings (configs/local).
    """
    has_local = {"train", "sweep"}

    @functools.cache
    def composed(page, overrides, _folder):  # of configs that a sweep generated
        overrides = [*overrides, *(["~local"] if page in has_local else [])]
        with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
            cfg = hydra.compose(f"stage/{page}", overrides, return_hydra_config=True)
        return pickle.dumps(cfg)

    def compose_stage(*overrides, page="train"):
        cfg = pickle.loads(composed(page, overrides, Path.cwd()))
        HydraConfig.instance().set_config(cfg)
        with open_dict(cfg):
            del cfg["hydra"]
            if "run_name" in cfg:  # resolved now: the next composition replaces Hydra's choices
                cfg.run_name = str(cfg.run_name)
        return cfg

    return compose_stage


@pytest.fixture
def store(tmp_path):
    """An empty store in a folder with a space in its name."""
    folder = tmp_path / "my runs"
    folder.mkdir()
    store = Store(folder)
    store_module._create_database(store.database, store.artifacts)
    return store


@pytest.fixture(scope="session")
def two_models(tmp_path_factory, compose):
    """A folder of two tiny untrained models; baseline_cnn is the default one."""
    from ai_mixer.config.allowed_targets import config_from_card
    from ai_mixer.inference.builders import build_console, build_model
    from ai_mixer.tracking import save_model

    home = tmp_path_factory.mktemp("packaged")
    sizes = {
        "ast_regressor": ["model.width=16", "model.depth=1"],
        "baseline_cnn": ["model.channels=8"],
    }
    for seed, (name, overrides) in enumerate(sizes.items()):
        cfg = compose(f"model={name}", *overrides, "loader.excerpt_s=1")
        groups = ("model", "loader", "console", "ranges")
        config = {group: OmegaConf.to_container(cfg[group], resolve=True) for group in groups}
        console = build_console(config_from_card(config))
        torch.manual_seed(seed)
        model = build_model(config_from_card(config), console)
        torch.nn.init.constant_(model.spread.linear.bias, -3.0)  # low uncertainty: no shrinkage
        card = {
            "config": config,
            "knobs": [asdict(knob) for knob in console.knobs],
            "trained": [name for name in console.names if name not in {"delay", "reverb"}],
            "mean_knobs": dict.fromkeys(console.names, 0.5),
            "run": str(seed) * 32,
        }
        save_model(home / name, model.state_dict(), card)
        (home / name / "card.md").write_text(f"# {name}\n\nTiny, for tests.\n")
    (home / "default.txt").write_text("baseline_cnn\n")
    return home


@pytest.fixture
def packaged_models(two_models, monkeypatch):
    """Use the tiny models as the packaged ones."""
    import ai_mixer.mixing.ambience  # noqa: F401 - keeps the path of its file, which is no model
    from ai_mixer.inference import pretrained
    from ai_mixer.mixing import model_lookup

    monkeypatch.setattr(pretrained, "MODELS_DIR", two_models)
    model_lookup._load.cache_clear()
    yield two_models
    model_lookup._load.cache_clear()


@pytest.fixture(scope="session")
def music(songs_folder):
    """[C, T]: one small song, 3 s of stereo at 44.1 kHz."""
    audio, _ = soundfile.read(songs_folder / "rock/a/song.flac", dtype="float32")
    return torch.from_numpy(audio.T.copy())


@pytest.fixture
def song(tmp_path, music):
    """Path of a WAV file with 16 bits and tags."""
    path = tmp_path / "Mein Lied.wav"
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        file.title, file.artist = "Größe", "Wir"
        file.write(music.T.numpy())
    return path


@pytest.fixture(scope="session")
def synthetic_dataset(tmp_path_factory, songs_folder):
    """A function: name of a `data` option → root of a tiny dataset in the layout that it reads."""
    roots = {}

    def root_of(name):
        if name not in WRITERS:
            return songs_folder
        if name not in roots:
            roots[name] = tmp_path_factory.mktemp(name)
            WRITERS[name](roots[name])
        return roots[name]

    return root_of


@pytest.fixture
def open_folder():
    """A folder that all users may read; those of pytest are for their owner only."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def unprivileged():
    """A context with the rights of the user `nobody`: root may read all files."""

    @contextmanager
    def rights():
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(user)

    return rights
