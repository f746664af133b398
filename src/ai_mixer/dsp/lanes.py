"""Vectors of eight float64 numbers in compiled code, one number per row of audio.

A compiler vectorises loops over independent numbers, but not the recursions of several rows that
advance together. With `load`, `store` and arithmetic on vectors they do: LLVM translates them to
the vector instructions of the machine.
"""

import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, overload, register_model

LANES = 8
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_FLAGS = ("contract",)  # a·b + c in one instruction, without reordering


class _LanesType(types.Type):
    """Type of a vector in numba."""

    def __init__(self) -> None:
        super().__init__("lanes")


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)  # type: ignore[no-untyped-call]


_lanes = _LanesType()


def _load(typingctx, array, index):  # type: ignore[no-untyped-def]
    """Eight numbers of a contiguous float64 array from an index on."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.load(_pointer(context, builder, signature, args), align=8)

    return _lanes(array, types.intp), codegen


def _store(typingctx, array, index, vector):  # type: ignore[no-untyped-def]
    """Write eight numbers to a contiguous float64 array from an index on."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        builder.store(args[2], _pointer(context, builder, signature, args), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), codegen


def _pointer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), _VECTOR.as_pointer())


load: Any = intrinsic(_load)
store: Any = intrinsic(_store)


def _arithmetic(name: str) -> Any:
    """A function of two vectors: an instruction of LLVM."""

    @intrinsic
    def function(typingctx, a, b):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return getattr(builder, name)(*args, flags=_FLAGS)

        return _lanes(_lanes, _lanes), codegen

    return function


_add, _subtract, _multiply = map(_arithmetic, ("fadd", "fsub", "fmul"))


def _overload(function: Any, instruction: Any) -> None:
    """Make an operator of Python an instruction on two vectors."""

    @overload(function)
    def typed(a, b):  # type: ignore[no-untyped-def]
        if isinstance(a, _LanesType) and isinstance(b, _LanesType):
            return lambda a, b: instruction(a, b)  # noqa: PLW0108  # numba needs its source
        return None


_overload(operator.add, _add)
_overload(operator.sub, _subtract)
_overload(operator.mul, _multiply)
