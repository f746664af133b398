"""Plug-ins of a target: one library with the entry points of VST3, CLAP and LV2, in three bundles.

The code of the formats is in c/; only headers of DPF are used, of which Debian's package is
dpf-source.
"""

import plistlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ai_mixer.plugin import lv2, toolchain
from ai_mixer.plugin.build import ConsoleChoice, compile_objects, lowered_console
from ai_mixer.plugin.description import describe_engine
from ai_mixer.plugin.identity import Plugin, load_plugin
from ai_mixer.plugin.plugin_readme import licences, plugin_readme
from ai_mixer.plugin.plugin_table import plugin_table
from ai_mixer.plugin.targets import TARGETS

RANGES = "wide"
SYSTEMS = {
    "linux": ("linux-x86_64",),
    "windows": ("windows-x86_64",),
    "macos": ("macos-x86_64", "macos-aarch64"),
}
SOURCES = (
    *("plugin.c", "plugin_text.c", "listen.c", "listen_worker.c", "listen_client.c", "lv2.c"),
    *("clap.c", "clap_ports.c", "clap_state.c", "clap_listen.c"),
    *("vst3_factory.c", "vst3_component.c", "vst3_controller.c", "vst3_units.c"),
)
"""Files of c/ that make an engine a plug-in."""
_HEADERS = "distrho/src"  # of DPF
_PRIVATE = "-DAI_MIXER_PRIVATE"
FLAGS = ("-std=c11", "-fms-extensions", _PRIVATE)
_VST3_ARCHITECTURES = {
    "linux-x86_64": "x86_64-linux",
    "linux-aarch64": "aarch64-linux",
    "windows-x86_64": "x86_64-win",
    "macos-x86_64": "MacOS",
    "macos-aarch64": "MacOS",
}


class PluginBuild(NamedTuple):
    """What is built: consoles by name, with DPF from a folder; cache: for lowered consoles."""

    consoles: Sequence[str]
    dpf: Path
    cache: Path


def targets_of(system: str) -> list[str]:
    """Targets of a system. ValueError for an unknown one, or Linux without gcc."""
    if system not in SYSTEMS:
        raise ValueError(f"os: no {system!r}, there is {', '.join(SYSTEMS)}")
    if system != "linux":
        return list(SYSTEMS[system])
    native = toolchain.native_target()
    return [native] if native in _VST3_ARCHITECTURES else list(SYSTEMS[system])


def headers_of(dpf: Path) -> Path:
    """Folder of the headers in DPF. ValueError in one line if DPF is not there."""
    folder = dpf / _HEADERS
    if not (folder / "travesty" / "base.h").is_file():
        raise ValueError(
            f"plug-ins need the headers of DPF, which are not in {dpf}: "
            "sudo apt install dpf-source, or dpf=/folder/of/DPF"
        )
    return folder


def build_plugins(build: PluginBuild, targets: Sequence[str], folder: Path) -> Iterator[Path]:
    """Build plug-ins for targets; yields each bundle, in `folder` / target / format.

    ValueError for an unknown console, a missing compiler or missing headers.
    """
    headers = headers_of(build.dpf)
    toolchain.check_versions()
    for target in targets:
        toolchain.compiler(target, TARGETS[target])
    plugins = [load_plugin(console) for console in build.consoles]
    for plugin in plugins:
        choice = ConsoleChoice(plugin.console, RANGES, describe_engine(plugin.chain))
        bitcode = lowered_console(choice.description, build.cache)
        for target in targets:
            yield from _build_plugin(plugin, choice, target, bitcode, headers, folder / target)
    for target in targets:
        text = plugin_readme([plugin.name for plugin in plugins], target)
        (folder / target / "README.md").write_text(text, encoding="utf-8")
        (folder / target / "LICENSES.txt").write_text(licences(build.dpf), encoding="utf-8")


def install(bundle: Path, home: Path) -> Iterator[Path]:
    """Copy a bundle to the folder of its format; yields where to. Another version is replaced."""
    folder = home / bundle.suffix  # ~/.vst3, ~/.clap, ~/.lv2
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / bundle.name
    _remove(place)
    yield Path(shutil.copytree(bundle, place) if bundle.is_dir() else shutil.copy(bundle, place))


def _build_plugin(
    plugin: Plugin, choice: ConsoleChoice, target: str, bitcode: bytes, headers: Path, folder: Path
) -> Iterator[Path]:
    for kind in ("vst3", "clap", "lv2"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        library = _link(plugin, choice, target, bitcode, headers, Path(work))
        yield _vst3(plugin, target, library, folder / "vst3")
        yield _clap(plugin, target, library, folder / "clap")
        yield _lv2(plugin, target, library, folder / "lv2")


def _link(
    plugin: Plugin, choice: ConsoleChoice, target: str, bitcode: bytes, headers: Path, work: Path
) -> Path:
    """The library of all formats. Only their entry points are visible, as two such libraries in
    one host would otherwise call functions of each other.
    """
    machine = TARGETS[target]
    objects = compile_objects(choice, target, bitcode, work, [_PRIVATE])
    table = work / "plugin_table.c"
    table.write_text(plugin_table(plugin), encoding="utf-8")
    options = (*FLAGS, "-isystem", str(headers))
    for source in (table, *(toolchain.SOURCES / name for name in SOURCES)):
        out = work / f"format_{source.stem}.o"
        objects.append(toolchain.compile_c(source, out, target, machine, options))
    suffix = Path(machine.library).suffix
    threads = () if machine.kind == "coff" else ("-pthread",)  # of listen_worker.c
    return toolchain.link(objects, work / f"plugin{suffix}", target, machine, threads)


def _vst3(plugin: Plugin, target: str, library: Path, folder: Path) -> Path:
    suffix = {"coff": ".vst3", "macho": ""}.get(TARGETS[target].kind, ".so")
    bundle = _empty(folder / f"{plugin.name}.vst3")
    place = bundle / "Contents" / _VST3_ARCHITECTURES[target]
    place.mkdir(parents=True)
    shutil.copy(library, place / f"{plugin.name}{suffix}")
    if TARGETS[target].kind == "macho":
        _write_property_list(plugin, bundle)
    return bundle


def _clap(plugin: Plugin, target: str, library: Path, folder: Path) -> Path:
    bundle = folder / f"{plugin.name}.clap"
    if TARGETS[target].kind != "macho":
        _remove(bundle)
        return Path(shutil.copy(library, bundle))
    place = _empty(bundle) / "Contents" / "MacOS"
    place.mkdir(parents=True)
    shutil.copy(library, place / plugin.name)
    _write_property_list(plugin, bundle)
    return bundle


def _lv2(plugin: Plugin, target: str, library: Path, folder: Path) -> Path:
    name = f"ai_mixer_{lv2.symbol(plugin.console)}"
    bundle = _empty(folder / f"{name}.lv2")
    bundle.mkdir()
    binary = f"{name}{library.suffix}"
    shutil.copy(library, bundle / binary)
    (bundle / "manifest.ttl").write_text(lv2.manifest(plugin, binary, f"{name}.ttl"))
    (bundle / f"{name}.ttl").write_text(lv2.description(plugin))
    return bundle


def _write_property_list(plugin: Plugin, bundle: Path) -> None:
    """`Info.plist` of a bundle of macOS."""
    entries = {
        "CFBundleExecutable": plugin.name,
        "CFBundleIdentifier": f"{plugin.id}{bundle.suffix}",
        "CFBundleName": plugin.name,
        "CFBundlePackageType": "BNDL",
        "CFBundleSignature": "????",
        "CFBundleVersion": plugin.version,
        "CFBundleShortVersionString": plugin.version,
    }
    with (bundle / "Contents" / "Info.plist").open("wb") as file:
        plistlib.dump(entries, file)
    (bundle / "Contents" / "PkgInfo").write_text("BNDL????")


def _empty(bundle: Path) -> Path:
    _remove(bundle)
    return bundle


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
