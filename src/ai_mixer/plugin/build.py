"""Build the engine of a console for some targets: library, header, knobs and a page of use."""

import hashlib
import importlib.metadata
import json
import pickle
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from ai_mixer.core.knob import Knob
from ai_mixer.plugin import toolchain
from ai_mixer.plugin.description import EngineDescription
from ai_mixer.plugin.lowering import lower_to_bitcode
from ai_mixer.plugin.objects import emit_constant, emit_object
from ai_mixer.plugin.readme import readme
from ai_mixer.plugin.targets import TARGETS
from ai_mixer.utils.atomic_write import write_bytes

STATIC_LIBRARY, KNOBS_FILE = "libai_mixer_engine.a", "knobs.json"
_PACKAGE = Path(__file__).resolve().parents[1]
# What decides the lowered code.
_SOURCES = ("core", "dsp", "effects", "console", "plugin/lowering.py", "plugin/entries.py")


class ConsoleChoice(NamedTuple):
    """A console with its name and the name of its ranges."""

    name: str
    ranges: str
    description: EngineDescription


def build_engine(
    console: ConsoleChoice, targets: Sequence[str], folder: Path, cache: Path
) -> Iterator[Path]:
    """Build the engine for targets; yields the folder of each, `folder` / target.

    cache: folder for the lowered console, which is lowered again only if its source has changed.
    ValueError for an unknown target or a missing compiler.
    """
    unknown = [name for name in targets if name not in TARGETS]
    if unknown:
        raise ValueError(f"targets: no {unknown[0]!r}, there is {', '.join(TARGETS)}")
    toolchain.check_versions()
    for name in targets:
        toolchain.compiler(name, TARGETS[name])
    bitcode = lowered_console(console.description, cache)
    for name in targets:
        yield build_target(console, name, bitcode, folder / name)


def choose_targets(chosen: str | Sequence[str]) -> list[str]:
    """Names of targets: `native` for this machine, `all`, one name or several.

    ValueError for `native` without gcc, or on another system than Linux.
    """
    if chosen == "all":
        return list(TARGETS)
    if chosen != "native":
        return [chosen] if isinstance(chosen, str) else list(chosen)
    native = toolchain.native_target()
    if native not in TARGETS:
        raise ValueError(
            f"targets=native needs gcc on Linux, this is {sys.platform} on {platform.machine()}: "
            f"name targets of {', '.join(TARGETS)}"
        )
    return [native]


def lowered_console(description: EngineDescription, cache: Path) -> bytes:
    """LLVM bitcode of a console (`lowering.lower_to_bitcode`), from the cache if it is there."""
    file = cache / f"{source_digest(description)}.bc"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        write_bytes(file, lower_to_bitcode(description))
    return file.read_bytes()


def source_digest(description: EngineDescription) -> str:
    """Digest of a console and of everything that decides its lowered code."""
    digest = hashlib.sha256(pickle.dumps(description))
    for name in toolchain.REQUIRED:
        digest.update(importlib.metadata.version(name).encode())
    for source in _SOURCES:
        path = _PACKAGE / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def build_target(console: ConsoleChoice, name: str, bitcode: bytes, folder: Path) -> Path:
    """Compile and link a lowered console for a target; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as work:
        objects = compile_objects(console, name, bitcode, Path(work))
        toolchain.archive(objects, folder / STATIC_LIBRARY, name)
        toolchain.link(objects, folder / target.library, name, target)
    shutil.copy(toolchain.HEADER, folder)
    knobs = [asdict(knob) for knob in console.description.knob_specs]
    described = {"console": console.name, "ranges": console.ranges, "target": name, "knobs": knobs}
    (folder / KNOBS_FILE).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme(console.name, console.ranges, name), encoding="utf-8")
    return folder


def compile_objects(
    console: ConsoleChoice, name: str, bitcode: bytes, work: Path, options: Sequence[str] = ()
) -> list[Path]:
    """Object files of a lowered console in the folder `work`. options: of the C compiler."""
    target, description = TARGETS[name], console.description
    kernels, spectra, table = work / "kernels.o", work / "spectra.o", work / "console.c"
    kernels.write_bytes(emit_object(bitcode, target))
    data = description.spectra.tobytes() or bytes(4)
    spectra.write_bytes(emit_constant("ai_mixer_spectra", data, target))
    steps = len(description.rooms)
    table.write_text(knob_table(console.name, description.knob_specs, steps), encoding="utf-8")
    sources = (toolchain.SOURCES / "engine.c", table)
    compiled = [
        toolchain.compile_c(source, work / f"{source.stem}.o", name, target, options)
        for source in sources
    ]
    return [kernels, spectra, *compiled]


def knob_table(console: str, knobs: Sequence[Knob], steps: int) -> str:
    """C source of the constants that `c/kernels.h` declares."""
    rows = [
        f"    {{{c_string(k.name)}, {c_string(k.unit)}, {k.low!r}, {k.high!r}, {k.neutral!r}, "
        f"AI_MIXER_{k.scale.upper()}}},\n"
        for k in knobs
    ]
    return (
        '#include "kernels.h"\n\n'
        f"const char ai_mixer_console_name[] = {c_string(console)};\n"
        f"const int32_t ai_mixer_knobs_count = {len(knobs)}, ai_mixer_steps_count = {steps};\n"
        f"const ai_mixer_knob ai_mixer_knobs[] = {{\n{''.join(rows)}}};\n"
    )


def c_string(text: str) -> str:
    """C literal of a text; bytes outside of ASCII as octal escapes."""
    escaped = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{"".join(escaped)}"'
