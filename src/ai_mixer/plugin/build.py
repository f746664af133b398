"""Build the engine of a console for some targets: library, header, knobs and a page of use."""

import hashlib
import importlib.metadata
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ai_mixer.plugin import toolchain
from ai_mixer.plugin.lowering import KNOBS_FILE, MODULE_FILE, SPECTRA_FILE, lower_console
from ai_mixer.plugin.objects import emit_constant, emit_object
from ai_mixer.plugin.readme import readme
from ai_mixer.plugin.targets import TARGETS

STATIC_LIBRARY = "libai_mixer_engine.a"
_PACKAGE = Path(__file__).resolve().parents[1]
_SOURCES = ("core", "dsp", "effects", "console", "plugin")  # that decide the compiled code


class ConsoleChoice(NamedTuple):
    """A console: its name, the name of its ranges, and its config of the group `console`."""

    name: str
    ranges: str
    config: Mapping[str, Any]


def build_engine(
    console: ConsoleChoice, targets: Sequence[str], folder: Path, cache: Path
) -> Iterator[Path]:
    """Build the engine for targets; yields the folder of each, `folder` / target.

    cache: folder for the lowered console, which is lowered again only if its source has changed.
    ValueError for an unknown target, a missing compiler or a console without an engine.
    """
    unknown = [name for name in targets if name not in TARGETS]
    if unknown:
        raise ValueError(f"targets: no {unknown[0]!r}, there is {', '.join(TARGETS)}")
    toolchain.check_versions()
    for name in targets:
        toolchain.compiler(name, TARGETS[name])
    lowered = lowered_console(console.config, cache)
    for name in targets:
        yield build_target(console, name, lowered, folder / name)


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


def lowered_console(config: Mapping[str, Any], cache: Path) -> Path:
    """Folder with the lowered console (`lowering.lower_console`), made if it is not there."""
    folder = cache / source_digest(config)
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=cache))
        try:
            lower_console(config, unfinished)
            unfinished.rename(folder)
        except OSError:  # another process was faster
            if not folder.is_dir():
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def source_digest(config: Mapping[str, Any]) -> str:
    """Digest of a console and of everything that decides its compiled code."""
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for name in toolchain.REQUIRED:
        digest.update(importlib.metadata.version(name).encode())
    for package in _SOURCES:
        for file in sorted((_PACKAGE / package).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def build_target(console: ConsoleChoice, name: str, lowered: Path, folder: Path) -> Path:
    """Compile and link a lowered console for a target; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    target = TARGETS[name]
    knobs = json.loads((lowered / KNOBS_FILE).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as work:
        objects = compile_objects(console, name, lowered, Path(work))
        toolchain.archive(objects, folder / STATIC_LIBRARY, name)
        toolchain.link(objects, folder / target.library, name, target)
    shutil.copy(toolchain.HEADER, folder)
    described = {"console": console.name, "ranges": console.ranges, "target": name, "knobs": knobs}
    (folder / KNOBS_FILE).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme(console.name, console.ranges, name), encoding="utf-8")
    return folder


def compile_objects(
    console: ConsoleChoice, name: str, lowered: Path, work: Path, options: Sequence[str] = ()
) -> list[Path]:
    """Object files of a lowered console in the folder `work`. options: of the C compiler."""
    target = TARGETS[name]
    kernels, spectra, knobs = work / "kernels.o", work / "spectra.o", work / "console.c"
    kernels.write_bytes(emit_object((lowered / MODULE_FILE).read_bytes(), target))
    data = (lowered / SPECTRA_FILE).read_bytes() or bytes(4)
    spectra.write_bytes(emit_constant("ai_mixer_spectra", data, target))
    specs = json.loads((lowered / KNOBS_FILE).read_text(encoding="utf-8"))
    steps = len(console.config["chain"])
    knobs.write_text(knob_table(console.name, specs, steps), encoding="utf-8")
    sources = (toolchain.SOURCES / "engine.c", knobs)
    compiled = [
        toolchain.compile_c(source, work / f"{source.stem}.o", name, target, options)
        for source in sources
    ]
    return [kernels, spectra, *compiled]


def knob_table(console: str, knobs: Sequence[Mapping[str, Any]], steps: int) -> str:
    """C source of the constants that `c/kernels.h` declares."""
    rows = [
        f"    {{{_c_string(k['name'])}, {_c_string(k['unit'])}, {k['low']!r}, {k['high']!r}, "
        f"{k['neutral']!r}, AI_MIXER_{k['scale'].upper()}}},\n"
        for k in knobs
    ]
    return (
        '#include "kernels.h"\n\n'
        f"const char ai_mixer_console_name[] = {_c_string(console)};\n"
        f"const int32_t ai_mixer_knobs_count = {len(knobs)}, ai_mixer_steps_count = {steps};\n"
        f"const ai_mixer_knob ai_mixer_knobs[] = {{\n{''.join(rows)}}};\n"
    )


def _c_string(text: str) -> str:
    """C literal of a text; bytes outside of ASCII as octal escapes."""
    escaped = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{"".join(escaped)}"'
