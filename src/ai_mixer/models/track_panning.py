"""Directions of tracks in a stereo mixture of which their spectra are known.

PROJET (FitzGerald, Liutkus & Badeau, "PROJET – Spatial audio separation using projections", ICASSP
2016) with fixed spectra: the mixture is projected on several directions between its channels, in
each of which a track is as loud as its own direction lets it be. Magnitudes, the Kullback–Leibler
divergence, multiplicative updates of activities and directions in turn.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.models.track_levels import power_of

PROJECTIONS = 8
DIRECTIONS = 13  # from left to right, and one out of phase
ITERATIONS, FIXED_ITERATIONS = 120, 10  # during the first, directions are those of the tracks
OWN_ITERATIONS = 30
LEAK = 1e-3  # of a direction into its orthogonal projection
TINY = 1e-9


class PannedTracks(NamedTuple):
    """What a mixture says of the directions of N tracks.

    directions: [N, DIRECTIONS + 1], share of each direction; the last is out of phase. angle:
    [N], of all, 0 (left) to π / 2 (right). own_angle: [N], of the track by itself. share: [N], of
    the magnitude where the track is active that is its own.
    """

    directions: Tensor
    angle: Tensor
    own_angle: Tensor
    share: Tensor

    @property
    def pan(self) -> Tensor:
        """Pan that turns the track's own angle into that in the mixture, −1 to 1, [N]."""
        own, other = (
            angle.clamp(0.02, math.pi / 2 - 0.02) for angle in (self.own_angle, self.angle)
        )
        return torch.atan(other.tan() / own.tan()) * (4.0 / math.pi) - 1.0


def covariances(spectra: Tensor, bands: Tensor) -> Tensor:
    """Powers of left and right and the real part of their product, in bands.

    spectra: complex [..., 2, F, T]; bands: [F, B]. Returns [..., 3, B, T].
    """
    left, right = spectra.unbind(-3)
    parts = [power_of(left), power_of(right), (left * right.conj()).real]
    return (torch.stack(parts, -3).mT @ bands).mT


def find_directions(templates: Tensor, own: Tensor, mixture: Tensor) -> PannedTracks:
    """Find tracks in a mixture.

    templates: spectra of tracks [N, B, K], see `spectral_templates`. own: `covariances` of the
    tracks [N, 3, B, T]. mixture: those of the mixture, [3, B, T'].
    """
    patterns = _patterns(own)
    alone = _own_directions(own, patterns)
    target = _projected(mixture).sqrt()
    target = target / target.mean().clamp_min(TINY)
    directions = 0.5 * alone + 0.5 / alone.shape[1]
    tracks, bands, _ = templates.shape
    active = own.new_ones(tracks, templates.shape[2], target.shape[-1])
    active *= bands / active[..., 0].numel()
    sums = templates.sum(1)[..., None]
    for iteration in range(ITERATIONS):
        gains = patterns @ directions.T
        ratio = target / _modelled(gains, templates @ active)
        fit = templates.mT @ torch.einsum("an,abt->nbt", gains, ratio)
        active = active * fit / (gains.sum(0)[:, None, None] * sums + TINY)
        if iteration >= FIXED_ITERATIONS:
            parts = templates @ active
            ratio = target / _modelled(gains, parts)
            fit = torch.einsum("abt,nbt->na", ratio, parts) @ patterns
            scale = patterns.sum(0) * parts.sum((1, 2))[:, None] + TINY
            directions = directions * fit / scale
            total = directions.sum(1, keepdim=True).clamp_min(TINY)
            directions, active = directions / total, active * total[..., None]
    parts = templates @ active
    whole = parts.sum((1, 2))
    share = (parts.square() / (parts.sum(0) + TINY)).sum((1, 2)) / (whole + TINY)
    return PannedTracks(directions, _angle_of(directions), _channel_angle(own), share)


def _projected(covariance: Tensor) -> Tensor:
    """Power of projections, [..., 3, B, T] → [..., PROJECTIONS, B, T]."""
    angles = _projection_angles(covariance)
    cos, sin = angles.cos(), angles.sin()
    weights = torch.stack([cos.square(), sin.square(), 2.0 * cos * sin], 1)
    return torch.einsum("ac,...cbt->...abt", weights, covariance).clamp_min(0.0)


def _projection_angles(like: Tensor) -> Tensor:
    return torch.arange(PROJECTIONS).to(like) * (math.pi / PROJECTIONS) - math.pi / 4


def _direction_angles(like: Tensor) -> Tensor:
    between = torch.linspace(0.0, math.pi / 2, DIRECTIONS).to(like)
    return torch.cat([between, between.new_tensor([-math.pi / 4])])


def _patterns(like: Tensor) -> Tensor:
    """Magnitude of each direction in each projection, [PROJECTIONS, DIRECTIONS + 1]."""
    between = _projection_angles(like)[:, None] - _direction_angles(like)
    return between.cos().abs() + LEAK


def _own_directions(own: Tensor, patterns: Tensor) -> Tensor:
    """Directions of each track by itself, [N, DIRECTIONS + 1]."""
    magnitude = _projected(own).sum((-1, -2)).sqrt()
    magnitude = magnitude / magnitude.sum(1, keepdim=True).clamp_min(TINY)
    found = patterns.new_full((len(own), patterns.shape[1]), 1.0 / patterns.shape[1])
    for _ in range(OWN_ITERATIONS):
        found = found * ((magnitude / (found @ patterns.T + TINY)) @ patterns) / patterns.sum(0)
    return found / found.sum(1, keepdim=True).clamp_min(TINY)


def _modelled(gains: Tensor, parts: Tensor) -> Tensor:
    """Magnitude in each projection, [PROJECTIONS, B, T]."""
    return torch.einsum("an,nbt->abt", gains, parts) + 1e-6


def _angle_of(directions: Tensor) -> Tensor:
    angles, power = _direction_angles(directions), directions.square()
    left, right = power @ angles.cos().square(), power @ angles.sin().square()
    return torch.atan2(right.sqrt(), left.sqrt() + TINY)


def _channel_angle(covariance: Tensor) -> Tensor:
    left, right, _ = covariance.sum((-1, -2)).clamp_min(0.0).unbind(-1)
    return torch.atan2(right.sqrt(), left.sqrt() + TINY)
