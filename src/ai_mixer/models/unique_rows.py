"""Process each distinct excerpt of a batch once.

A training batch holds a rough under every condition, and a finished version is the reference of
one of them: of 48 excerpts 21 are distinct. Feature extraction is the most expensive part of a
small model.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ai_mixer.dsp.operators import can_branch

PROBE_SAMPLES = 64  # evenly spaced samples that are compared before whole excerpts


class UniqueRows:
    """The distinct rows of `audio` [B, C, T]: `rows` [U, C, T], and `index` [B] into them.

    If excerpts differ although their probe samples are equal, all rows are kept; also on a GPU,
    because waiting for the comparison costs more than it saves.
    """

    def __init__(self, audio: Tensor) -> None:
        every = torch.arange(len(audio), device=audio.device)
        self.rows, self.index = audio, every
        if not can_branch(audio):
            return
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


def apply_to_selected(
    function: Callable[..., tuple[Tensor, ...]], selected: Tensor, *arguments: Tensor
) -> tuple[Tensor, ...]:
    """Apply to the selected items, [B] bool, of arguments [B, …]; results [B, …], else zeros.

    On a GPU all items are computed, because the number of selected ones would have to be waited
    for.
    """
    if not can_branch(selected):
        results = function(*arguments)
        return tuple(torch.where(_expand(selected, y), y, 0.0) for y in results)
    return tuple(_scatter(selected, y) for y in function(*(x[selected] for x in arguments)))


def _expand(selected: Tensor, like: Tensor) -> Tensor:
    return selected.view(-1, *[1] * (like.dim() - 1))


def _scatter(selected: Tensor, rows: Tensor) -> Tensor:
    """Write rows [S, …] to the selected places of zeros: selected [B] bool → [B, …]."""
    out = rows.new_zeros(len(selected), *rows.shape[1:])
    out[selected] = rows
    return out
