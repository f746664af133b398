"""Compiled functions as LLVM IR for any processor: `python -m ai_mixer.plugin.lowering`.

numba lowers functions for the processor it runs on and optimises them for it. With the variables of
`GENERIC`, which it reads when it is imported, it does neither: so this runs in a process of its own
(`lower_console`). Functions of numba's runtime and of Python remain only in paths that are never
taken; they are removed here, and `objects.emit_object` refuses what is left.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from ai_mixer.plugin.entries import Entry, build_entries

GENERIC = {"NUMBA_OPT": "0", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
PREFIX = "ai_mixer_kernel_"
MODULE_FILE, SPECTRA_FILE, KNOBS_FILE = "engine.bc", "spectra.f32", "knobs.json"

# Arrays that the entries make of pointers have no owner, so nothing is ever counted.
_RUNTIME = """
define void @NRT_incref(ptr %object) { ret void }
define void @NRT_decref(ptr %object) { ret void }
"""
# Messages and places of exceptions: a status other than 0 is all that C sees.
_EXCEPTION = re.compile(r"^(@\.const\.picklebuf\.\S+ = .*? constant \{[^}]*\}) \{.*$", re.MULTILINE)


def lower_console(config: Mapping[str, Any], folder: Path) -> None:
    """Write MODULE_FILE, SPECTRA_FILE and KNOBS_FILE of a console to a folder.

    config: of the group `console`. ValueError for a console that has no engine.
    """
    with tempfile.TemporaryDirectory() as cache:
        result = subprocess.run(
            [sys.executable, "-m", "ai_mixer.plugin.lowering", str(folder)],
            input=json.dumps(config),
            env={**os.environ, **GENERIC, "NUMBA_CACHE_DIR": cache},
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        raise ValueError(result.stderr.strip().splitlines()[-1])


def lower(entries: Mapping[str, Entry]) -> llvm.ModuleRef:
    """Compile functions to one module; their symbols are PREFIX + name, all others are internal."""
    module, names = llvm.parse_assembly(_RUNTIME), {}
    for name, entry in entries.items():
        entry.function.compile(entry.arguments)
        (overload,) = entry.function.overloads.values()
        text = _EXCEPTION.sub(r"\1 zeroinitializer", overload.library.get_llvm_str())
        module.link_in(llvm.parse_assembly(text))
        names[overload.fndesc.llvm_func_name] = PREFIX + name
    for symbol in (*module.functions, *module.global_variables):
        if not symbol.is_declaration and symbol.name not in names:
            symbol.linkage = "internal"
    for mangled, name in names.items():
        function = module.get_function(mangled)
        function.name, function.linkage, function.visibility = name, "external", "hidden"
    _remove_unused(module)
    return module


def _remove_unused(module: llvm.ModuleRef) -> None:
    machine = llvm.Target.from_triple(module.triple).create_target_machine()
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_dead_prototype_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))


def main() -> None:
    """`python -m ai_mixer.plugin.lowering FOLDER < CONFIG`."""
    from hydra.utils import instantiate

    from ai_mixer.plugin.description import describe_engine

    warnings.simplefilter("ignore")  # numba: code with constant addresses is not cached
    folder = Path(sys.argv[1])
    try:
        description = describe_engine(instantiate(json.load(sys.stdin)))
    except ValueError as error:
        raise SystemExit(str(error)) from None
    module = lower(build_entries(description))
    (folder / MODULE_FILE).write_bytes(module.as_bitcode())
    (folder / SPECTRA_FILE).write_bytes(description.spectra.tobytes())
    (folder / KNOBS_FILE).write_text(json.dumps([asdict(k) for k in description.knob_specs]))


if __name__ == "__main__":
    main()
