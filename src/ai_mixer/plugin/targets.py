"""Machines that the engine is built for."""

from typing import NamedTuple

GLIBC = "2.17"  # of 2012: CentOS 7, Ubuntu 14.04 and later


class Target(NamedTuple):
    """A machine for the compilers.

    triple, cpu, features: of LLVM. zig: name of the target for `zig cc`. library: file name of the
    shared library or module. kind: linker options and conventions, a key of `toolchain.LINK`.
    """

    triple: str
    cpu: str
    features: str
    zig: str
    library: str
    kind: str


_WASM = "+bulk-memory,+sign-ext,+nontrapping-fptoint,+mutable-globals"

TARGETS = {
    "linux-x86_64": Target(
        "x86_64-pc-linux-gnu",
        "x86-64-v2",
        "",
        f"x86_64-linux-gnu.{GLIBC}",
        "libai_mixer_engine.so",
        "elf",
    ),
    "linux-aarch64": Target(
        "aarch64-unknown-linux-gnu",
        "generic",
        "",
        f"aarch64-linux-gnu.{GLIBC}",
        "libai_mixer_engine.so",
        "elf",
    ),
    "windows-x86_64": Target(
        "x86_64-pc-windows-gnu",
        "x86-64-v2",
        "",
        "x86_64-windows-gnu",
        "ai_mixer_engine.dll",
        "coff",
    ),
    "macos-x86_64": Target(
        "x86_64-apple-macosx10.15.0",
        "x86-64-v2",
        "",
        "x86_64-macos.10.15",
        "libai_mixer_engine.dylib",
        "macho",
    ),
    "macos-aarch64": Target(
        "arm64-apple-macosx11.0.0",
        "apple-m1",
        "",
        "aarch64-macos.11.0",
        "libai_mixer_engine.dylib",
        "macho",
    ),
    "wasm32": Target(
        "wasm32-unknown-unknown", "generic", _WASM, "wasm32-wasi", "ai_mixer_engine.wasm", "wasm"
    ),
    "wasm32-simd": Target(
        "wasm32-unknown-unknown",
        "generic",
        f"{_WASM},+simd128",
        "wasm32-wasi",
        "ai_mixer_engine.wasm",
        "wasm",
    ),
}
"""All targets. x86-64-v2: processors since 2009."""
