"""Directions of tracks in a mixture."""

import math

import pytest
import torch
from torch import Tensor

from ai_mixer.models.track_panning import DIRECTIONS, PannedTracks, covariances, find_directions
from ai_mixer.models.track_separation import spectral_templates

BANDS, FRAMES = 24, 40


def tracks_of(bands: list[slice], seed: int = 0) -> Tensor:
    """Complex spectra of mono tracks with energy in some bands, [N, 2, BANDS, FRAMES]."""
    generator = torch.Generator().manual_seed(seed)
    spectra = torch.zeros(len(bands), BANDS, FRAMES, dtype=torch.complex64)
    for track, own in enumerate(bands):
        noise = torch.randn(2, BANDS, FRAMES, generator=generator)
        spectra[track, own] = torch.complex(*noise)[own]
    return spectra[:, None].expand(-1, 2, -1, -1)


def panned(spectra: Tensor, pans: list[float]) -> Tensor:
    """The sum of tracks at some pans, [2, BANDS, FRAMES]."""
    angle = (torch.tensor(pans) + 1.0) * math.pi / 4
    gains = torch.stack([angle.cos(), angle.sin()], 1) * math.sqrt(2.0)
    return torch.einsum("nc,ncft->cft", gains.to(spectra), spectra)


def found_in(spectra: Tensor, mixture: Tensor) -> PannedTracks:
    """The directions of tracks in a mixture, from their spectra."""
    own = covariances(spectra, torch.eye(BANDS))
    templates = spectral_templates(own[:, :2].mean(1).sqrt())
    return find_directions(templates, own, covariances(mixture, torch.eye(BANDS)))


LOW, HIGH, ALL = slice(0, 10), slice(12, 24), slice(0, 24)


@pytest.mark.parametrize("pans", [[-0.5, 0.5], [0.0, 0.9], [0.3, -0.8]])
def test_pans_of_tracks_in_different_bands_are_found(pans: list[float]) -> None:
    """In another excerpt: noise of another seed with the same spectra."""
    own, other = tracks_of([LOW, HIGH], seed=0), tracks_of([LOW, HIGH], seed=1)
    found = found_in(own, panned(other, pans))
    assert found.pan == pytest.approx(pans, abs=0.08)
    assert (found.share > 0.95).all()


def test_the_order_of_tracks_does_not_matter() -> None:
    own, mixture = (
        tracks_of([LOW, HIGH, ALL]),
        panned(tracks_of([LOW, HIGH, ALL], 1), [0.4, -0.6, 0]),
    )
    found, turned = found_in(own, mixture), found_in(own[[2, 0, 1]], mixture)
    torch.testing.assert_close(turned.directions, found.directions[[2, 0, 1]], atol=1e-4, rtol=0)


def test_exchanged_channels_mirror_the_pans() -> None:
    own, mixture = (
        tracks_of([LOW, HIGH, ALL]),
        panned(tracks_of([LOW, HIGH, ALL], 1), [0.4, -0.6, 0]),
    )
    found, mirrored = found_in(own, mixture), found_in(own, mixture.flip(0))
    torch.testing.assert_close(mirrored.pan, -found.pan, atol=1e-3, rtol=0)


def test_the_level_of_the_mixture_does_not_matter() -> None:
    own, mixture = tracks_of([LOW, HIGH]), panned(tracks_of([LOW, HIGH], 1), [0.4, -0.6])
    torch.testing.assert_close(found_in(own, 100.0 * mixture).pan, found_in(own, mixture).pan)


def test_opposite_channels_are_out_of_phase() -> None:
    own = tracks_of([LOW])
    found = found_in(own, torch.stack([own[0, 0], -own[0, 0]]))
    assert int(found.directions[0].argmax()) == DIRECTIONS


@pytest.mark.parametrize("silent", ["track", "mixture"])
def test_silence_gives_finite_directions(silent: str) -> None:
    own, mixture = tracks_of([LOW, HIGH]), panned(tracks_of([LOW, HIGH], 1), [0.4, -0.6])
    if silent == "track":
        own = own * torch.tensor([0.0, 1.0])[:, None, None, None]
    else:
        mixture = torch.zeros_like(mixture)
    assert all(
        torch.isfinite(part).all() for part in (*found_in(own, mixture), found_in(own, mixture).pan)
    )
