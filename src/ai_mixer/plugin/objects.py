"""Object files for a target from LLVM IR, which call nothing of Python or of numba's runtime."""

from collections.abc import Iterable

import llvmlite.binding as llvm

from ai_mixer.plugin.targets import Target

_MATH = (
    *("exp", "exp2", "exp10", "expm1", "log", "log2", "log10", "log1p", "pow", "sqrt", "cbrt"),
    *("sin", "cos", "sincos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh"),
    *("floor", "ceil", "trunc", "round", "rint", "fmod", "fmin", "fmax", "hypot"),
)
ALLOWED = frozenset(
    [f"{name}{suffix}" for name in _MATH for suffix in ("", "f")]
    + ["memcpy", "memmove", "memset", "numba_attempt_nocopy_reshape"]
)
"""Symbols that an object may need: of the C library without state; the last is in c/engine.c."""


def emit_object(bitcode: bytes, target: Target) -> bytes:
    """Optimise a module for a target and compile it.

    RuntimeError if a compiled function could allocate memory, take a lock or raise an exception:
    the object would need symbols for it, which are not in ALLOWED.
    """
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = llvm.parse_bitcode(bitcode)
    machine = llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=3, reloc="pic", codemodel="default"
    )
    module.triple, module.data_layout = target.triple, str(machine.target_data)
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    unknown = sorted(external_symbols(module) - ALLOWED)
    if unknown:
        raise RuntimeError(
            f"the compiled engine needs {', '.join(unknown)}: {_calls(module, unknown)}"
        )
    return bytes(machine.emit_object(module))


def external_symbols(module: llvm.ModuleRef) -> set[str]:
    """Names of all functions and variables that a module uses and does not define."""
    symbols = (*module.functions, *module.global_variables)
    names = {symbol.name for symbol in symbols if symbol.is_declaration}
    return {name for name in names if not name.startswith("llvm.")}


def emit_constant(name: str, data: bytes, target: Target) -> bytes:
    """Compile an object file with a constant, aligned for vectors."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    text = "".join(f"\\{byte:02x}" for byte in data)
    module = llvm.parse_assembly(
        f'@{name} = hidden constant [{len(data)} x i8] c"{text}", align 64\n'
    )
    machine = llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, reloc="pic", codemodel="default"
    )
    module.triple, module.data_layout = target.triple, str(machine.target_data)
    return bytes(machine.emit_object(module))


def _calls(module: llvm.ModuleRef, names: Iterable[str]) -> str:
    """First function that calls one of the names, for the error."""
    for function in module.functions:
        for block in function.blocks:
            for instruction in block.instructions:
                if any(f"@{name}(" in str(instruction) for name in names):
                    return f"{function.name} calls it"
    return "no function calls it"
