"""Compiled functions as LLVM IR for any processor: `python -m ai_mixer.plugin.lowering`.

numba lowers functions for the processor it runs on and optimises them for it. With the variables of
`GENERIC`, which it reads when it is imported, it does neither: so this runs in a process of its own
(`lower_to_bitcode`). Functions of numba's runtime and of Python remain only in paths that are never
taken; they are removed here, and `objects.emit_object` refuses what is left.
"""

import os
import pickle
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping

import llvmlite.binding as llvm

from ai_mixer.plugin.description import EngineDescription
from ai_mixer.plugin.entries import Entry, build_entries

GENERIC = {"NUMBA_OPT": "0", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
PREFIX = "ai_mixer_kernel_"

# Arrays that the entries make of pointers have no owner, so nothing is ever counted.
_RUNTIME = """
define void @NRT_incref(ptr %object) { ret void }
define void @NRT_decref(ptr %object) { ret void }
"""
# Messages and places of exceptions: a status other than 0 is all that C sees.
_EXCEPTION = re.compile(r"^(@\.const\.picklebuf\.\S+ = .*? constant \{[^}]*\}) \{.*$", re.MULTILINE)


def lower_to_bitcode(description: EngineDescription) -> bytes:
    """Compile the entries of a console, in another process; returns LLVM bitcode."""
    with tempfile.TemporaryDirectory() as cache:
        result = subprocess.run(
            [sys.executable, "-m", "ai_mixer.plugin.lowering"],
            input=pickle.dumps(description),
            env={**os.environ, **GENERIC, "NUMBA_CACHE_DIR": cache},
            capture_output=True,
            check=False,
        )
    if result.returncode:
        raise RuntimeError(f"numba cannot lower the engine:\n{result.stderr.decode()}")
    return result.stdout


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
    """`python -m ai_mixer.plugin.lowering < DESCRIPTION > BITCODE`."""
    warnings.simplefilter("ignore")  # numba: code with constant addresses is not cached
    description = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(lower(build_entries(description)).as_bitcode())


if __name__ == "__main__":
    main()
