"""The processes of one distributed training: which one this is, and sums over all of them."""

import torch
import torch.distributed as dist
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor


def rank() -> int:
    """0 for the process that keeps the run (the only one, if there is one), else 1, 2 …"""
    return int(getattr(rank_zero_only, "rank", 0))


def all_reduce_sum(value: Tensor) -> Tensor:
    """The sum over all processes, the same in each of them; `mine` where there is but one."""
    if not dist.is_available() or not dist.is_initialized():
        return value
    device = torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
    summed = value.detach().to(device, copy=True)
    dist.all_reduce(summed)
    return summed.to(value.device)
