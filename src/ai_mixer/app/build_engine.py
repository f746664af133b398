"""Build the engine of the page: the console as WebAssembly, without the responses of its rooms.

The spectra of rooms are 1.5 MB of a module. The page gets them from the server (`engine.py`), which
computes them from the console, so that the files in the package remain small.
"""

import tempfile
from pathlib import Path

from ai_mixer.app.engine import ENGINE_NAMES, STRIP, described_console
from ai_mixer.console import live_chain, process
from ai_mixer.console.knob_encoding import KNOB_FIELDS
from ai_mixer.dsp import streaming_chain, streaming_dynamics, streaming_kernels, streaming_limiter
from ai_mixer.dsp.streaming_chain import KernelKind
from ai_mixer.plugin import toolchain
from ai_mixer.plugin.build import knob_table, lowered_console
from ai_mixer.plugin.description import EngineDescription
from ai_mixer.plugin.objects import emit_object
from ai_mixer.plugin.targets import TARGETS

TARGET = "wasm32-simd"
FOLDER = Path(__file__).parent
SOURCE = FOLDER / "page_engine.c"
TRACK_SOURCE = FOLDER / "page_tracks.c"  # includes SOURCE
FUNCTIONS = ("ai_mixer_rooms", "ai_mixer_reductions")  # beyond the C interface
TRACK_FUNCTIONS = tuple(
    f"ai_mixer_tracks_{name}"
    for name in (
        *("create", "strip", "inputs", "sums", "set_gain", "set_audible", "set_send"),
        *("reset", "process"),
    )
)
C_OPTIONS = ("-msimd128", "-O3")
LAYOUT = {
    "ENGINE_HEADER": process.HEADER_SIZE,
    "CHAIN_END": process.CHAIN_END,
    "CHAIN_HEADER": live_chain.HEADER_SIZE,
    "CHAIN_KNOBS": live_chain.KNOBS,
    "CHAIN_STEPS": live_chain.STEPS,
    "CHAIN_STATES": live_chain.STATES,
    "CHAIN_CHANNELS": live_chain.CHANNELS,
    "CHAIN_BLOCK": live_chain.BLOCK,
    "MAX_ARGUMENTS": live_chain.MAX_ARGUMENTS,
    "KNOB_FIELDS": KNOB_FIELDS,
    "STEP_KIND": streaming_chain.KIND,
    "STEP_ARGUMENTS": streaming_chain.ARGUMENTS,
    "STEP_CONSTANTS": streaming_chain.CONSTANTS,
    "STEP_STATE": streaming_chain.STATE,
    "STEP_HEADER": streaming_chain.STEP_HEADER,
    "KIND_COMPRESS": KernelKind.COMPRESS,
    "KIND_DYNAMICS": KernelKind.DYNAMICS,
    "KIND_BAND_DYNAMICS": KernelKind.BAND_DYNAMICS,
    "COMPRESS_GAIN": streaming_kernels.COMPRESS_HEADER_SIZE - 1,
    "DYNAMICS_GAIN": 0,
    "BAND_GAINS": streaming_dynamics.GAINS,
    "BANDS": streaming_dynamics.BANDS,
    "LIMITER_REDUCTION": streaming_limiter.REDUCTION_DB,
}
"""Indices of the engine's memory that `page_engine.c` reads."""


def build_engines(folder: Path, cache: Path) -> list[Path]:
    """Build the module of each console of the page; returns the files."""
    toolchain.check_versions()
    return [
        build_module(name, described_console(name), folder / f"{name}.wasm", cache)
        for name in ENGINE_NAMES
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
        layout = ", ".join(f"{key} = {int(value)}" for key, value in LAYOUT.items())
        (work / "layout.h").write_text(f"enum {{ {layout} }};\n", encoding="utf-8")
        objects = [kernels] + [
            toolchain.compile_c(
                source, work / f"{source.stem}.o", TARGET, target, ["-I", str(work), *C_OPTIONS]
            )
            for source in (TRACK_SOURCE if name == STRIP else SOURCE, rooms, table)
        ]
        functions = (*FUNCTIONS, *(TRACK_FUNCTIONS if name == STRIP else ()))
        options = [f"-Wl,--export={function}" for function in functions]
        return toolchain.link(objects, out, TARGET, target, options)


def _rooms_source(description: EngineDescription) -> str:
    """C source of the spectra's memory, which the page fills before it creates an engine."""
    size = max(1, description.spectra.size)
    return (
        f"float ai_mixer_spectra[{size}];\n"
        "float *ai_mixer_rooms(void);\n"
        "float *ai_mixer_rooms(void) { return ai_mixer_spectra; }\n"
    )
