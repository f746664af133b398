"""Rank of this process in distributed training, and sums over all processes."""

import torch
import torch.distributed as dist
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor


def rank() -> int:
    """Return the rank of this process; rank 0 writes to the tracking store."""
    return int(getattr(rank_zero_only, "rank", 0))


def all_reduce_sum(value: Tensor) -> Tensor:
    """Sum a tensor over all processes; returns `value` without distributed training."""
    if not dist.is_available() or not dist.is_initialized():
        return value
    device = torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
    summed = value.detach().to(device, copy=True)
    dist.all_reduce(summed)
    return summed.to(value.device)
