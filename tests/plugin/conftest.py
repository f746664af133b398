"""The engine ahead of time, built once per change of its source."""

import hashlib
import shutil
from pathlib import Path

import pytest

from ai_mixer.console import load_console
from ai_mixer.inference.builders import build_console
from ai_mixer.plugin import toolchain
from ai_mixer.plugin.build import ConsoleChoice, build_engine, source_digest
from ai_mixer.plugin.bundles import PluginBuild, build_plugins, headers_of
from ai_mixer.plugin.description import describe_engine
from ai_mixer.plugin.identity import load_plugin
from helpers.engine import load
from helpers.plugins import Host, compile_host


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


def built_home(name, description, cache):
    """Folder in the cache for what is built of the present source; older ones are removed."""
    digest = hashlib.sha256(source_digest(description).encode())
    for file in sorted(toolchain.SOURCES.parent.rglob("*")):
        if file.suffix in {".py", ".c", ".h"}:
            digest.update(file.read_bytes())
    home = cache / f"{name}-{digest.hexdigest()[:16]}"
    for old in cache.glob(f"{name}-*"):
        if old != home:
            shutil.rmtree(old)
    return home


@pytest.fixture(scope="session")
def build(choice, cache):
    """A function: target → folder with the engine, built if its source has changed."""
    home = built_home("built", choice.description, cache)

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


DPF = Path("/usr/share/dpf")  # Debian's dpf-source


@pytest.fixture(scope="session")
def headers():
    """Headers of DPF."""
    try:
        return headers_of(DPF)
    except ValueError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def plugin_build(cache, headers):
    """A function: console → its plug-in and the folder of its bundles, built if sources changed."""
    target = toolchain.native_target()
    if target is None:
        pytest.skip("plug-ins for this machine need gcc on Linux")

    def built(console, target=target):
        plugin = load_plugin(console)
        name = f"plugin-{console}-{target}"
        home = built_home(name, describe_engine(plugin.chain), cache)
        if not (home / target / "README.md").is_file():  # written last
            list(build_plugins(PluginBuild([console], DPF, cache), [target], home))
        return plugin, home / target

    return built


@pytest.fixture(scope="session")
def host_programs(headers, tmp_path_factory):
    """Bare hosts: format → program."""
    folder = tmp_path_factory.mktemp("hosts")
    return {name: compile_host(f"{name}_host", headers, folder) for name in ("clap", "vst3")}


@pytest.fixture(params=["clap", "vst3"])
def hosted(request, plugin_build, host_programs, tmp_path):
    """A function: console → its plug-in in a bare host."""

    def load_hosted(console="classic"):
        plugin, folder = plugin_build(console)
        bundle = folder / request.param / f"{plugin.name}.{request.param}"
        library = bundle if bundle.is_file() else next(bundle.rglob("*.so"))
        command = [host_programs[request.param], library]
        return Host(command, plugin, request.param, tmp_path)

    return load_hosted
