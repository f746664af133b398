"""C compilers: gcc for this machine, `zig cc` of the Python package ziglang for all others."""

import importlib.metadata
import importlib.util
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ai_mixer.plugin.targets import Target

REQUIRED = {"numba": "0.68.1", "llvmlite": "0.50.0"}
"""Versions that the engine is built with: others lower functions differently. Users need none."""

SOURCES = Path(__file__).parent / "c"
HEADER = SOURCES / "ai_mixer_engine.h"
FLAGS = ("-std=c99", "-O2", "-fvisibility=hidden", "-DAI_MIXER_BUILD_SHARED", "-Wall", "-Wextra")

_LINK: dict[str, tuple[str, ...]] = {
    "elf": ("-shared", "-Wl,-z,defs", "-Wl,--gc-sections", "-s", "-lm"),
    "coff": ("-shared", "-s"),
    "macho": ("-shared", "-s", "-Wl,-dead_strip", "-Wl,-install_name,@rpath/{library}"),
    "wasm": ("-mexec-model=reactor", "-s", "-Wl,--gc-sections"),
}
_POSITION_INDEPENDENT = {"elf": ("-fPIC",), "macho": ("-fPIC",), "coff": (), "wasm": ()}


def check_versions() -> None:
    """ValueError in one line for other versions of numba and llvmlite than REQUIRED."""
    others = wrong_versions()
    if others:
        raise ValueError(f"the engine in C needs {others}: pip install 'ai-mixer[engine]'")


def wrong_versions() -> str:
    """Required versions that are not the installed ones, for a message; empty if all are."""
    installed = {name: importlib.metadata.version(name) for name in REQUIRED}
    others = [name for name in REQUIRED if installed[name] != REQUIRED[name]]
    return ", ".join(f"{n} {REQUIRED[n]} ({installed[n]} is installed)" for n in others)


def native_target() -> str | None:
    """Name of the target that gcc compiles for on this machine; None if there is none."""
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    return f"linux-{machine}" if sys.platform == "linux" and shutil.which("gcc") else None


def compiler(name: str, target: Target) -> list[str]:
    """Command that compiles and links C for a target. ValueError if no compiler is installed."""
    if name == native_target():
        return ["gcc"]
    return [*_zig(name), "cc", "-target", target.zig]


def archiver(name: str) -> list[str]:
    """Command that makes a static library."""
    return ["ar"] if name == native_target() else [*_zig(name), "ar"]


def has_zig() -> bool:
    """Whether the Python package ziglang is installed."""
    return importlib.util.find_spec("ziglang") is not None


def _zig(name: str) -> list[str]:
    if not has_zig():
        raise ValueError(f"target {name} needs ziglang: pip install 'ai-mixer[engine]'")
    return [sys.executable, "-m", "ziglang"]


def compile_c(
    source: Path, out: Path, name: str, target: Target, options: Sequence[str] = ()
) -> Path:
    """Compile a C file to an object file."""
    flags = (*FLAGS, *_POSITION_INDEPENDENT[target.kind], *options, "-I", str(SOURCES))
    run([*compiler(name, target), *flags, "-c", str(source), "-o", str(out)])
    return out


def link(
    objects: Sequence[Path], out: Path, name: str, target: Target, options: Sequence[str] = ()
) -> Path:
    """Link object files to a shared library, or to a module for wasm. Undefined symbols fail."""
    exports = (f"-Wl,--export={f}" for f in exported_functions()) if target.kind == "wasm" else ()
    paths = map(str, objects)  # libraries of the options come after them
    flags = [flag.format(library=target.library) for flag in _LINK[target.kind]]
    if target.kind == "coff":
        flags.append(f"-Wl,--out-implib={out.with_suffix('.lib')}")
    run([*compiler(name, target), *options, *paths, *flags, *exports, "-o", str(out)])
    return out


def archive(objects: Sequence[Path], out: Path, name: str) -> Path:
    """Put object files in a static library."""
    out.unlink(missing_ok=True)
    run([*archiver(name), "rcs", str(out), *map(str, objects)])
    return out


def exported_functions() -> list[str]:
    """Functions of the C interface, and malloc and free, which a page needs to pass buffers."""
    names = re.findall(r"^AI_MIXER_API .*?\b(ai_mixer_\w+)\(", HEADER.read_text(), re.MULTILINE)
    return [*names, "malloc", "free"]


def run(command: Sequence[str]) -> None:
    """Run a command. RuntimeError with its first error for another exit status than 0."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = result.stderr.splitlines() or ["no message"]
        error = next((line for line in lines if "error:" in line or "undefined" in line), lines[0])
        raise RuntimeError(f"{Path(command[0]).name} failed: {error}")
