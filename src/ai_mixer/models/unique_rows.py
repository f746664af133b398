"""What a batch holds several times is listened to once.

A training batch holds a rough under every condition, and a finished version is the reference of
one of them: of 48 excerpts 21 differ. Features of the sound are the dearest part of a small model.
"""

import torch
from torch import Tensor

PROBE_SAMPLES = 64  # samples, spread over an excerpt, by which most are told apart


class UniqueRows:
    """The distinct rows of `audio`, [B, C, T]: `rows` [U, C, T], and `index` [B] into them."""

    def __init__(self, audio: Tensor) -> None:
        every = torch.arange(len(audio), device=audio.device)
        self.rows, self.index = audio, every
        places = torch.linspace(0, audio.shape[-1] - 1, PROBE_SAMPLES, device=audio.device).long()
        _, of = torch.unique(audio[:, 0, places], dim=0, return_inverse=True)
        first = torch.full_like(every, len(audio)).scatter_reduce(0, of, every, "amin")[of]
        again = first != every
        if again.any() and audio[again].equal(audio[first[again]]):
            kept = every[~again]
            self.rows, self.index = audio[kept], torch.searchsorted(kept, first)

    def to_all_rows(self, features: Tensor) -> Tensor:
        """Features of the distinct rows [U, …] as those of all rows [B, …]."""
        return features if len(features) == len(self.index) else features[self.index]


def scatter_rows(chosen: Tensor, rows: Tensor) -> Tensor:
    """Rows of the chosen songs among zeros: chosen [B] bool, rows [chosen, …] → [B, …]."""
    out = rows.new_zeros(len(chosen), *rows.shape[1:])
    out[chosen] = rows
    return out
