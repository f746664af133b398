"""Levels and tones of tracks in another excerpt of their mix (`reference`).

The excerpt is explained by the spectra of the tracks: supervised non-negative matrix factorisation
(Smaragdis, Raj & Shashanka, ICA 2007) with the Kullback–Leibler divergence, of magnitudes in bands.
Where one track dominates, the spectrum shows its filter. Their pans: `track_panning`.
"""

from typing import NamedTuple

import torch
from torch import Tensor

TEMPLATES = 12  # spectra per track
ITERATIONS = 40
ACTIVE = 1e-3  # power relative to the loudest frame, from which a track counts as playing
DOMINANCE_EXPONENT, TONE_EXPONENT = 8, 4  # of the share of a track: how much it has to dominate
TINY = 1e-9


class SeparatedTracks(NamedTuple):
    """What an excerpt says of N tracks, in B bands.

    gain_db: [N], level while playing, relative to that of the track. share_db: [N], of the power of
    the excerpt. dominance: [N], share of the excerpt where the track dominates.
    tone_db: [N, B], of the excerpt relative to the unfiltered tracks.
    """

    gain_db: Tensor
    share_db: Tensor
    dominance: Tensor
    tone_db: Tensor


def spectral_templates(magnitude: Tensor) -> Tensor:
    """Typical spectra of tracks: magnitudes [N, B, T] → [N, B, TEMPLATES], each of sum 1, or 0.

    Centres are frames that are far from each other; a template is the mean around one.
    """
    out = magnitude.new_zeros(*magnitude.shape[:2], TEMPLATES)
    for track, own in enumerate(magnitude):
        level = own.sum(0)
        active = level > ACTIVE**0.5 * level.max()
        spectra = own[:, active] / level[active].clamp_min(TINY)
        if not spectra.shape[1]:
            continue
        logs = (spectra + 1e-5).log().T
        centres = [int(level[active].argmax())]
        distance = (logs - logs[centres[0]]).square().sum(1)
        while len(centres) < min(TEMPLATES, len(logs)):
            centres.append(int(distance.argmax()))
            distance = torch.minimum(distance, (logs - logs[centres[-1]]).square().sum(1))
        nearest = torch.cdist(logs, logs[centres]).argmin(1)
        sums = out.new_zeros(TEMPLATES, len(own)).index_add_(0, nearest, spectra.T)
        counts = nearest.bincount(minlength=TEMPLATES).clamp_min(1)
        out[track] = (sums / counts[:, None]).T
    return out


def separate_tracks(templates: Tensor, magnitude: Tensor, reference: Tensor) -> SeparatedTracks:
    """Find tracks in an excerpt.

    templates: their `spectral_templates`. magnitude: [N, B, T]. reference: powers [2, B, T'].
    """
    count, bands = len(templates), templates.shape[1]
    total = reference.sum(0)
    spectra = templates.movedim(0, 1).flatten(1)
    activity = _activations(spectra, total.sqrt())
    parts = torch.einsum("nbk,nkt->nbt", templates, activity.reshape(count, TEMPLATES, -1))
    share = parts / (parts.sum(0) + TINY)
    level, own = parts.sum(1).square(), magnitude.sum(1).square()
    gain_db = 10.0 * ((_while_playing(level) + TINY) / (_while_playing(own) + TINY)).log10()
    whole = level.mean(-1)
    weight = total.sqrt()
    dominance = (share**DOMINANCE_EXPONENT * weight).sum((1, 2)) / (weight.sum() + TINY)
    chosen = share**TONE_EXPONENT
    modelled = parts.sum(0).square()
    tone = (chosen * total).sum(-1) + TINY * total.mean()
    tone_db = 10.0 * (tone / ((chosen * modelled).sum(-1) + TINY * total.mean() + 1e-20)).log10()
    return SeparatedTracks(
        gain_db,
        10.0 * (whole / (whole.sum() + TINY) + 1e-6).log10(),
        dominance,
        tone_db.reshape(count, bands),
    )


def _activations(spectra: Tensor, target: Tensor) -> Tensor:
    """Non-negative activations [K, T] of spectra [B, K] that explain a target [B, T]."""
    activity = target.sum(0).expand(spectra.shape[1], -1) / spectra.shape[1]
    sums = spectra.sum(0)[:, None].clamp_min(TINY)
    for _ in range(ITERATIONS):
        activity = activity * (spectra.T @ (target / (spectra @ activity + TINY))) / sums
    return activity


def _while_playing(power: Tensor) -> Tensor:
    """Mean over the frames that are not silent, [N, T] → [N]."""
    active = power > ACTIVE * power.amax(-1, keepdim=True)
    return (power * active).sum(-1) / active.sum(-1).clamp_min(1)
