"""The engine ahead of time, built once per change of its source."""

import hashlib
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ai_mixer.console import load_console
from ai_mixer.plugin import toolchain
from ai_mixer.plugin.build import ConsoleChoice, build_engine, source_digest
from helpers.engine import load


@pytest.fixture(scope="session")
def console():
    return load_console("classic", ranges="wide")


@pytest.fixture(scope="session")
def choice(compose):
    """The console as the stage passes it on."""
    config = OmegaConf.to_container(compose(page="engine").console, resolve=True)
    return ConsoleChoice("classic", "wide", config)


@pytest.fixture(scope="session")
def cache(request):
    """Folder that remains after the tests."""
    return Path(request.config.cache.mkdir("engine"))


@pytest.fixture(scope="session")
def build(choice, cache):
    """A function: target → folder with the engine, built if its source has changed."""
    digest = hashlib.sha256(source_digest(choice.config).encode())
    for file in sorted(toolchain.SOURCES.iterdir()):
        digest.update(file.read_bytes())
    home = cache / f"built-{digest.hexdigest()[:16]}"

    def built(target):
        if not (home / target / "README.md").is_file():  # written last
            list(build_engine(choice, [target], home, cache))
        return home / target

    return built


@pytest.fixture(scope="session")
def native(build):
    """Folder with the engine for this machine."""
    if toolchain.native_target() is None:
        pytest.skip("the engine for this machine needs gcc on Linux")
    return build(toolchain.native_target())


@pytest.fixture(scope="session")
def library(native):
    return load(native)
