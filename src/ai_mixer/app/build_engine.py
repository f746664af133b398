"""Build the engine of the page: the console as WebAssembly, without the responses of its rooms.

The spectra of rooms are 1.5 MB of a module. The page gets them from the server (`engine.py`), which
computes them from the console, so that the files in the package remain small.
"""

import tempfile
from pathlib import Path

from ai_mixer.app.engine import CONSOLE_NAMES, described_console
from ai_mixer.plugin import toolchain
from ai_mixer.plugin.build import knob_table, lowered_console
from ai_mixer.plugin.description import EngineDescription
from ai_mixer.plugin.objects import emit_object
from ai_mixer.plugin.targets import TARGETS

TARGET = "wasm32-simd"
ROOMS_FUNCTION = "ai_mixer_rooms"


def build_engines(folder: Path, cache: Path) -> list[Path]:
    """Build the module of each console of the page; returns the files."""
    toolchain.check_versions()
    return [
        build_module(name, described_console(name), folder / f"{name}.wasm", cache)
        for name in CONSOLE_NAMES
    ]


def build_module(name: str, description: EngineDescription, out: Path, cache: Path) -> Path:
    """Compile and link the module of a console."""
    target = TARGETS[TARGET]
    bitcode = lowered_console(description, cache)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        kernels, rooms, table = work / "kernels.o", work / "rooms.c", work / "console.c"
        kernels.write_bytes(emit_object(bitcode, target))
        rooms.write_text(_rooms_source(description), encoding="utf-8")
        steps = len(description.rooms)
        table.write_text(knob_table(name, description.knob_specs, steps), encoding="utf-8")
        sources = (toolchain.SOURCES / "engine.c", rooms, table)
        objects = [kernels] + [
            toolchain.compile_c(source, work / f"{source.stem}.o", TARGET, target)
            for source in sources
        ]
        options = [f"-Wl,--export={ROOMS_FUNCTION}"]
        return toolchain.link(objects, out, TARGET, target, options)


def _rooms_source(description: EngineDescription) -> str:
    """C source of the spectra's memory, which the page fills before it creates an engine."""
    size = max(1, description.spectra.size)
    return (
        f"float ai_mixer_spectra[{size}];\n"
        f"float *{ROOMS_FUNCTION}(void);\n"
        f"float *{ROOMS_FUNCTION}(void) {{ return ai_mixer_spectra; }}\n"
    )
