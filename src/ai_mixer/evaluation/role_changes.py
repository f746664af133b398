"""Songs whose tracks have no roles or wrong ones: how a model of several tracks generalises."""

import zlib
from dataclasses import replace

import torch

from ai_mixer.core.track import ROLES
from ai_mixer.core.track_batch import NO_ROLE, TrackBatch


def without_roles(batch: TrackBatch) -> TrackBatch:
    """The batch with the role of every track withheld."""
    return replace(batch, roles=torch.full_like(batch.roles, NO_ROLE))


def with_wrong_roles(batch: TrackBatch) -> TrackBatch:
    """The batch with a random role other than its own for each track; the same for a song.

    A track without a role gets any.
    """
    roles = batch.roles.clone()
    for row, song in enumerate(batch.song_id):
        generator = torch.Generator().manual_seed(zlib.crc32(song.encode()))
        shift = torch.randint(1, len(ROLES), roles[row].shape, generator=generator).to(roles)
        roles[row] = torch.where(
            roles[row] >= 0, (roles[row] + shift) % len(ROLES), shift % len(ROLES)
        )
    return replace(batch, roles=roles)
