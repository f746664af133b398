"""Compiled functions as operators of torch: `torch.library`, autograd and `torch.func`.

An operator has one kernel per device and a fake kernel, which gives shapes and types, so that
`torch.export` and `torch.compile` keep it as one node of their graph. Its gradient is made of
operators again, so derivatives of any order are exact. `torch.func.vmap` folds its dimension into
the batch's.

Inside transforms of `torch.func` an operator is called through an `autograd.Function`, because they
do not support the gradients of `torch.library.register_autograd`. Both use the same functions.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

Gradient = Callable[..., Sequence[Tensor]]


def operator(
    fake: Callable[..., Any], n_batched: int = 1, devices: str | None = "cpu"
) -> Callable[[Callable[..., Any]], "Operator"]:
    """Decorator: make a kernel an `Operator`."""
    return lambda kernel: Operator(kernel, fake, n_batched, devices)


def empty_like(*arguments: int) -> Callable[..., Any]:
    """Fake kernel whose outputs have the shapes and types of these arguments."""

    def fake(*inputs: Any) -> Any:
        outputs = tuple(inputs[index].new_empty(inputs[index].shape) for index in arguments)
        return outputs if len(outputs) > 1 else outputs[0]

    return fake


class Operator:
    """An operator `ai_mixer::<name of the kernel>`.

    kernel: a function of tensors and constants without side effects; its annotations are the
    schema. It is the kernel of `devices` ("cpu", or None: of all). fake: the function that returns
    empty tensors instead. n_batched: number of leading arguments with a batch dimension; all
    outputs have one. Forward-mode derivatives are not available.
    """

    def __init__(
        self,
        kernel: Callable[..., Any],
        fake: Callable[..., Any],
        n_batched: int,
        devices: str | None,
    ) -> None:
        self.kernel, self.n_batched = kernel, n_batched
        self.name = kernel.__name__.strip("_")
        self.qualified_name = f"ai_mixer::{self.name}"
        # Not `torch.library.custom_op`: its kernels import torch._dynamo, which takes seconds.
        schema = torch.library.infer_schema(kernel, mutates_args=())
        torch.library.define(self.qualified_name, schema)
        torch.library.impl(self.qualified_name, devices or "default", kernel)
        if devices is not None:
            torch.library.impl(self.qualified_name, "cuda", partial(_run_on_gpu, self.name, kernel))
        for device in ("cpu", "cuda"):  # kernels have no half precision
            torch.library.register_autocast(self.qualified_name, device, torch.float32)
        torch.library.register_fake(self.qualified_name, fake)
        self.op = getattr(torch.ops.ai_mixer, self.name).default
        apply_to_folded = partial(_apply_to_folded, self.op, self.name, n_batched)
        torch.library.register_vmap(self.qualified_name, apply_to_folded)
        self._function: type[torch.autograd.Function] | None = None

    def __call__(self, *args: Any) -> Any:
        """Apply the operator."""
        in_func = torch._C._are_functorch_transforms_active() and not torch.compiler.is_compiling()
        if self._function is None or not in_func:
            return self.op(*args)
        return self._function.apply(*args)  # type: ignore[no-untyped-call]

    def register_gradient(
        self,
        gradient: Gradient,
        save: Callable[[Sequence[Any], Sequence[Tensor]], Sequence[Tensor]],
        n_differentiable: int = 1,
    ) -> None:
        """Register the gradient to the leading arguments; the others have none.

        gradient: function of (tensors to save, arguments that are no tensors, gradients of the
        first n_differentiable outputs), made of differentiable operations. save: chooses the
        tensors from arguments and outputs.
        """

        def setup_context(ctx: Any, inputs: Sequence[Any], output: Any) -> None:
            outputs = (output,) if isinstance(output, Tensor) else output
            ctx.save_for_backward(*save(inputs, outputs))
            ctx.constants = [x for x in inputs if not isinstance(x, Tensor)]
            ctx.n_inputs = len(inputs)
            ctx.mark_non_differentiable(*outputs[n_differentiable:])
            ctx.set_materialize_grads(n_differentiable > 1)

        def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
            known: Sequence[Tensor | None] = ()
            if grads[0] is not None:
                known = gradient(ctx.saved_tensors, ctx.constants, *grads[:n_differentiable])
            return *known, *[None] * (ctx.n_inputs - len(known))

        torch.library.register_autograd(self.qualified_name, backward, setup_context=setup_context)
        self._function = _autograd_function(self, setup_context, backward)


def vjp(function: Callable[..., Any], inputs: Sequence[Tensor], grad: Any) -> tuple[Any, ...]:
    """Gradient of a function of differentiable operations to all inputs, itself differentiable."""
    _, pull_back, *_ = torch.func.vjp(function, *inputs)
    result: tuple[Any, ...] = pull_back(grad)
    return result


def gradient_by_vjp(function: Callable[..., tuple[Tensor, ...]], n_inputs: int) -> Gradient:
    """Gradient for `register_gradient` of a function of (n_inputs tensors, constants)."""

    def gradient(saved: Sequence[Tensor], constants: Sequence[Any], *grads: Tensor) -> Any:
        return vjp(lambda *inputs: function(*inputs, *constants), saved[:n_inputs], grads)

    return gradient


def holds(condition: Tensor) -> bool:
    """Whether a condition is known to hold; False where `can_branch` is False."""
    return can_branch(condition) and bool(condition)


def can_branch(x: Tensor) -> bool:
    """Whether a program can branch on the values of x.

    False while `torch.compile` or `torch.export` traces, inside `torch.func.vmap`, and on a GPU,
    which the program would have to wait for.
    """
    if torch.compiler.is_compiling() or x.device.type != "cpu":
        return False
    try:
        return bool(x.detach().new_zeros(x.shape[:0]) == 0)
    except RuntimeError:  # inside vmap
        return False


def _run_on_gpu(name: str, cpu_kernel: Callable[..., Any], *args: Any) -> Any:
    from ai_mixer.dsp import gpu  # it needs the kernels of all operators

    return gpu.run(name, cpu_kernel, *args)


def _autograd_function(
    operator: Operator, setup_context: Callable[..., None], backward: Callable[..., Any]
) -> type[torch.autograd.Function]:
    """The operator as an autograd function that supports `torch.func`."""

    def refuse_forward_mode(*_: Any) -> Any:
        raise NotImplementedError(
            f"{operator.name}: has no forward-mode derivative (jvp, jacfwd, torch.func.hessian): "
            "use jacrev(jacrev(f)) or torch.autograd.functional.hessian"
        )

    def vmap(*args: Any) -> Any:
        return _apply_to_folded(operator, operator.name, operator.n_batched, *args)

    methods: dict[str, Callable[..., Any]] = {
        "forward": operator.op,
        "setup_context": setup_context,
        "backward": backward,
        "vmap": vmap,
        "jvp": refuse_forward_mode,
    }
    statics = {name: staticmethod(method) for name, method in methods.items()}
    return type(operator.name, (torch.autograd.Function,), statics)


def _apply_to_folded(
    function: Callable[..., Any],
    name: str,
    n_batched: int,
    info: Any,
    in_dims: Sequence[Any],
    *inputs: Any,
) -> Any:
    """Rule of vmap: apply to [V · B, …]. ValueError if a constant is mapped."""
    if any(isinstance(dim, int) for dim in in_dims[n_batched:]):
        raise ValueError(f"{name}: vmap over the batch only, not over its constants")
    size, pairs = info.batch_size, zip(inputs, in_dims, strict=True)
    folded = [_fold(x, dim, size) for x, dim in list(pairs)[:n_batched]]
    outputs = function(*folded, *inputs[n_batched:])
    if isinstance(outputs, Tensor):
        return _unfold(outputs, size), 0
    return tuple(_unfold(y, size) for y in outputs), (0,) * len(outputs)


def _fold(x: Tensor, dim: int | None, size: int) -> Tensor:
    """[…, V, …] → [V · B, …]."""
    x = x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)
    return x.flatten(0, 1)


def _unfold(y: Tensor, size: int) -> Tensor:
    return y.reshape(size, y.shape[0] // size, *y.shape[1:])
