"""Process each distinct excerpt of a batch once.

A training batch holds a rough under every condition, and a finished version is the reference of
one of them: of 48 excerpts 21 are distinct. Feature extraction is the most expensive part of a
small model.
"""

import torch
from torch import Tensor

PROBE_SAMPLES = 64  # evenly spaced samples that are compared before whole excerpts


class UniqueRows:
    """The distinct rows of `audio` [B, C, T]: `rows` [U, C, T], and `index` [B] into them.

    If excerpts differ although their probe samples are equal, all rows are kept.
    """

    def __init__(self, audio: Tensor) -> None:
        every = torch.arange(len(audio), device=audio.device)
        self.rows, self.index = audio, every
        probes = torch.linspace(0, audio.shape[-1] - 1, PROBE_SAMPLES, device=audio.device).long()
        _, group = torch.unique(audio[:, 0, probes], dim=0, return_inverse=True)
        first = torch.full_like(every, len(audio)).scatter_reduce(0, group, every, "amin")[group]
        duplicate = first != every
        if duplicate.any() and audio[duplicate].equal(audio[first[duplicate]]):
            distinct = every[~duplicate]
            self.rows, self.index = audio[distinct], torch.searchsorted(distinct, first)

    def to_all_rows(self, features: Tensor) -> Tensor:
        """Expand features of the distinct rows [U, …] to all rows [B, …]."""
        return features if len(features) == len(self.index) else features[self.index]


def scatter_rows(selected: Tensor, rows: Tensor) -> Tensor:
    """Write rows [S, …] to the selected places of zeros: selected [B] bool → [B, …]."""
    out = rows.new_zeros(len(selected), *rows.shape[1:])
    out[selected] = rows
    return out
