"""Lowering: what compiled code may call, and object files for all targets."""

import numba
import numpy as np
import pytest
from numba import carray, types

from ai_mixer.plugin.entries import Entry
from ai_mixer.plugin.lowering import PREFIX, lower
from ai_mixer.plugin.objects import ALLOWED, emit_constant, emit_object, external_symbols
from ai_mixer.plugin.targets import TARGETS

POINTER = types.CPointer(types.float64)
MAGIC = {"elf": b"\x7fELF", "macho": b"\xcf\xfa\xed\xfe", "wasm": b"\0asm", "coff": b"\x64\x86"}


@numba.njit(error_model="numpy")
def _decibels(samples, count):
    x = carray(samples, (count,))
    for n in range(count):
        x[n] = 20.0 * np.log10(x[n]) if x[n] > 0.0 else -120.0
    return 0


@numba.njit
def _allocate(samples, count):
    x = carray(samples, (count,))
    x[0] = np.arange(count).sum()
    return 0


@numba.njit
def _assign(samples, count):
    x = carray(samples, (count,))
    x[1:] = x[:-1]
    return 0


def module(function):
    return lower({"entry": Entry(function, (POINTER, types.int64))})


@pytest.fixture(scope="module")
def decibels():
    return module(_decibels)


def test_the_entry_is_the_only_visible_symbol(decibels):
    visible = [f.name for f in decibels.functions if f.linkage.name == "external"]
    defined = [name for name in visible if name not in external_symbols(decibels)]
    assert [name for name in defined if not name.startswith("llvm.")] == [f"{PREFIX}entry"]
    assert external_symbols(decibels) <= ALLOWED


@pytest.mark.parametrize("target", TARGETS)
def test_objects_are_emitted_for_every_target(decibels, target):
    magic = MAGIC[TARGETS[target].kind]
    assert emit_object(decibels.as_bitcode(), TARGETS[target]).startswith(magic)
    constant = emit_constant("values", b'\0\x01\xfe"\\', TARGETS[target])
    assert constant.startswith(magic)
    assert b'\0\x01\xfe"\\' in constant


@pytest.mark.slow
@pytest.mark.parametrize("function", [_allocate, _assign])
def test_functions_that_may_allocate_are_refused(function):
    bitcode = module(function).as_bitcode()
    with pytest.raises(RuntimeError, match=r"needs .*NRT_.*ai_mixer_kernel_entry"):
        emit_object(bitcode, TARGETS["linux-x86_64"])
