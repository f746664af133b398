"""The present tracks of several songs as rows of one batch."""

import torch
from torch import Tensor

from ai_mixer.dsp.operators import can_branch


class TrackRows:
    """Conversion between tracks [B, N, …] and rows [M, …], M present tracks.

    mask: [B, N] bool, True where there is a track; None: everywhere. ValueError for another shape
    or type, and for a song without tracks.
    """

    def __init__(self, songs: int, tracks: int, mask: Tensor | None) -> None:
        self.shape = songs, tracks
        self.mask, self.counts = None, [tracks] * songs
        if mask is None:
            return
        mask = torch.as_tensor(mask)
        if mask.shape != self.shape or mask.dtype != torch.bool:
            raise ValueError(
                f"mask must be [B, N] = {list(self.shape)} bool, got {list(mask.shape)} "
                f"{str(mask.dtype).removeprefix('torch.')}"
            )
        self.counts = mask.sum(1).tolist()
        if 0 in self.counts:
            raise ValueError(f"mask: song {self.counts.index(0)} has no track")
        if not (can_branch(mask) and mask.all()):
            self.mask = mask

    def pack(self, x: Tensor) -> Tensor:
        """Rows of the present tracks of [B, N, …]: a view if all are present."""
        return x.flatten(0, 1) if self.mask is None else x[self.mask.to(x.device)]

    def unpack(self, rows: Tensor) -> Tensor:
        """Tracks [B, N, …] of rows; 0 where there is no track."""
        if self.mask is None:
            return rows.reshape(*self.shape, *rows.shape[1:])
        x = rows.new_zeros(*self.shape, *rows.shape[1:])
        x[self.mask.to(rows.device)] = rows
        return x

    def zero_absent(self, x: Tensor) -> Tensor:
        """[B, N, P] with 0 where there is no track."""
        return x if self.mask is None else x.masked_fill(~self.mask.to(x.device)[..., None], 0.0)
