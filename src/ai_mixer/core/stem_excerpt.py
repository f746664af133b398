"""Stems of one excerpt of a song, the input of the task `remix` and of its augmentations."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class TakeDraw(NamedTuple):
    """Another recording in place of a stem.

    same_track: another excerpt of the same track, else a track of the same role of another song.
    seed: of the random numbers that choose song, track and excerpt.
    """

    same_track: bool
    seed: int


class StemExcerpt(NamedTuple):
    """Stems [N, 2, T] whose sum is a mix, and their roles [N], index into ROLES or −1.

    max_tracks: that an example may have. read_take: (number of a stem as read, draw) → [2, T], or
    None if there is no such recording; equal draws give excerpts of the same file.
    """

    stems: Tensor
    roles: Tensor
    sample_rate: int
    max_tracks: int
    read_take: Callable[[int, TakeDraw], Tensor | None]
