"""Find operations on the CPU in a computation on another device."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class CpuTensors(TorchDispatchMode):
    """Collects the operations that take or return a tensor on the CPU.

    On the meta device, a stand-in for a GPU, a copy to the CPU is an error of torch itself, as is
    a decision by a value (`bool`, `item`, `nonzero`).
    """

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        outputs = function(*args, **(kwargs or {}))
        tensors = (x for x in tree_leaves((args, kwargs, outputs)) if isinstance(x, torch.Tensor))
        if any(x.device.type == "cpu" for x in tensors):
            self.operations.append(str(function))
        return outputs
