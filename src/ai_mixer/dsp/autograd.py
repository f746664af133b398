"""Derivatives of compiled functions beyond the first gradient, and `torch.func`.

A compiled gradient is fast and has no graph. So second derivatives (`needs_graph` in a backward)
and the transforms of `torch.func` (`is_transformed` in a forward) use the same function made of
differentiable operations. Its recursions are `BatchFunction`s, whose gradients are made of
themselves.

The only file that uses private functions of torch.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch._C import _functorch


class BatchFunction(torch.autograd.Function):
    """An autograd function of a batch; `torch.func.vmap` folds its dimension into the batch's.

    n_batched: number of leading arguments with a batch dimension; all outputs have one. Subclasses
    have `forward` without context and `setup_context`. Forward-mode derivatives are not available.
    """

    n_batched: ClassVar[int] = 1

    @classmethod
    def vmap(cls, info: Any, in_dims: Sequence[Any], *inputs: Any) -> Any:
        """Apply to [V · B, …]. ValueError if another argument than the batched ones is mapped."""
        if any(isinstance(dim, int) for dim in in_dims[cls.n_batched :]):
            raise ValueError(f"{_name(cls)}: vmap over the batch only, not over its constants")
        size, pairs = info.batch_size, zip(inputs, in_dims, strict=True)
        folded = [_fold(x, dim, size) for x, dim in list(pairs)[: cls.n_batched]]
        outputs = cls.apply(*folded, *inputs[cls.n_batched :])  # type: ignore[no-untyped-call]
        if isinstance(outputs, Tensor):
            return _unfold(outputs, size), 0
        return tuple(_unfold(y, size) for y in outputs), (0,) * len(outputs)

    @classmethod
    def jvp(cls, *_: Any) -> Any:
        """NotImplementedError in one line."""
        raise NotImplementedError(
            f"{_name(cls)}: has no forward-mode derivative (jvp, jacfwd, torch.func.hessian): "
            "use jacrev(jacrev(f)) or torch.autograd.functional.hessian"
        )


def needs_graph(grad: Tensor) -> bool:
    """Whether a backward has to be made of differentiable operations. grad: gradient it got.

    NotImplementedError in one line for a batch of gradients by autograd's own, older vmap.
    """
    if _functorch.is_legacy_batchedtensor(grad):
        raise NotImplementedError(
            "vectorize=True and is_grads_batched=True are not available: use torch.func.jacrev"
        )
    return torch.is_grad_enabled() or is_vmapped(grad)


def check_not_exporting() -> None:
    """RuntimeError in one line while `torch.export` traces: it cannot contain compiled kernels."""
    if torch.compiler.is_exporting():
        raise RuntimeError(
            "torch.export cannot contain the kernels of effects and features: export the network "
            "alone, `model.predict(features, condition)`, and process audio with `console.stream`"
        )


def gradient_with_graph(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], grad: Tensor
) -> tuple[Tensor, ...]:
    """Gradient of a differentiable function to all inputs, itself differentiable."""
    inputs = [x if x.requires_grad else x.detach().requires_grad_() for x in inputs]
    with torch.enable_grad():
        return torch.autograd.grad(function(*inputs), inputs, grad, create_graph=True)


def is_transformed(*tensors: Tensor) -> bool:
    """Whether any of the tensors is inside a transform of `torch.func`."""
    return any(map(_functorch.is_functorch_wrapped_tensor, tensors))


def is_vmapped(x: Tensor) -> bool:
    """Whether x is a batch inside `torch.func.vmap`: no program can branch on its values."""
    while _functorch.is_functorch_wrapped_tensor(x):
        if _functorch.is_batchedtensor(x):
            return True
        x = _functorch.get_unwrapped(x)
    return False


def holds(condition: Tensor) -> bool:
    """Whether a condition is known to hold; False inside `torch.func.vmap`."""
    check_not_exporting()
    return not is_vmapped(condition) and bool(condition)


def _name(cls: type) -> str:
    return cls.__name__.lstrip("_")


def _fold(x: Tensor, dim: int | None, size: int) -> Tensor:
    """[…, V, …] → [V · B, …]."""
    x = x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)
    return x.flatten(0, 1)


def _unfold(y: Tensor, size: int) -> Tensor:
    return y.reshape(size, y.shape[0] // size, *y.shape[1:])
