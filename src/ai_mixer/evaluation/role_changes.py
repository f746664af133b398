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
    """The batch with another role for each track, in any order of the tracks.

    Roles are shifted in ROLES by a number that depends on the song; no role counts as the first.
    """
    shifts = [1 + zlib.crc32(song.encode()) % (len(ROLES) - 1) for song in batch.song_id]
    shift = torch.tensor(shifts).to(batch.roles)[:, None]
    return replace(batch, roles=(batch.roles.clamp_min(0) + shift) % len(ROLES))
