"""The engine ahead of time, built once per change of its source."""

import hashlib
import shutil
from pathlib import Path

import pytest

from ai_mixer.console import load_console
from ai_mixer.inference.builders import build_console
from ai_mixer.plugin import toolchain
from ai_mixer.plugin.build import ConsoleChoice, build_engine, source_digest
from ai_mixer.plugin.description import describe_engine
from helpers.engine import load


@pytest.fixture(scope="session")
def console():
    return load_console("classic", ranges="wide")


@pytest.fixture(scope="session")
def choice(compose):
    """The console as the stage passes it on."""
    described = describe_engine(build_console(compose(page="engine")))
    return ConsoleChoice("classic", "wide", described)


@pytest.fixture(scope="session")
def cache(request):
    """Folder that remains after the tests."""
    return Path(request.config.cache.mkdir("engine"))


@pytest.fixture(scope="session")
def build(choice, cache):
    """A function: target → folder with the engine, built if its source has changed."""
    digest = hashlib.sha256(source_digest(choice.description).encode())
    for file in sorted(toolchain.SOURCES.parent.rglob("*")):
        if file.suffix in {".py", ".c", ".h"}:
            digest.update(file.read_bytes())
    home = cache / f"built-{digest.hexdigest()[:16]}"
    for old in cache.glob("built-*"):
        if old != home:
            shutil.rmtree(old)

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
