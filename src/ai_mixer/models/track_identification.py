"""Identify the strips from tracks and finished mix of the same excerpt (`paired`).

The mix is a sum of filtered tracks, with a gain over time where a compressor works:

    y_c(f, t) = Σ_n gain_n(t) · [M_nc(f) mid_n(f, t) + S_nc(f) side_n(f, t)]

Responses and gains are found in turn by least squares, each with the other held fixed, as
`system_identification` does for one file. What remains is reverb and delay: a sum of decaying
tracks in power.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.dsp.spectra import mid_side

ITERATIONS = 1  # of gains; a second one changes little
RIDGE = 1e-4  # of the responses, relative to the mean power of the tracks in the band
GAIN_RIDGE = (0.02, 1e-4)  # of a gain towards 1, relative to own power and to the mean of all
GAIN_RANGE = (0.1, 4.0)
STEREO_POWER = 1e-4  # side relative to mid, from which a side counts as a source of its own
DECAYS_S = (0.2, 0.8)  # of the tails that explain what remains
TAIL_ITERATIONS = 20
TINY = 1e-12


class IdentifiedTracks(NamedTuple):
    """Strips of N tracks in K bands and T frames.

    power: [2, N, K] of the response to the mid in left and right. certainty: [N, K], 0–1: how far
    the response is known. weight: [N, K], power of the track where the response is known.
    width: [N], side gain relative to mid gain. gain: [N, T], weighted mean 1. level: [N, T], power
    of the processed track. tails: [decays, N], power that decays behind a track relative to it.
    residual: [K], what is not explained relative to the mix.
    """

    power: Tensor
    certainty: Tensor
    weight: Tensor
    width: Tensor
    gain: Tensor
    level: Tensor
    tails: Tensor
    residual: Tensor


def identify_tracks(x: Tensor, y: Tensor, bands: Tensor, hop_s: float) -> IdentifiedTracks:
    """Identify strips from spectra of tracks [N, 2, F, T] and mix [2, F, T].

    bands: [F, K], of any scale; powers are those of bands with a peak of 1.
    """
    bands = bands / bands.amax(0).clamp_min(TINY)
    mid, side = mid_side(x).unbind(1)
    power_of = [part.abs().square().sum((1, 2)) for part in (mid, side)]
    stereo = (power_of[1] > STEREO_POWER * power_of[0]).nonzero()[:, 0]
    count, gain = len(x), mid.new_ones(len(x), x.shape[-1]).real
    spread = (bands / bands.sum(1, keepdim=True).clamp_min(TINY)).to(x.dtype)
    for step in range(ITERATIONS + 1):
        sources = torch.cat([mid, side[stereo]])
        rows = torch.cat([torch.arange(count), stereo])
        fitted = _responses(sources * gain[rows][:, None], y, bands)
        if step < ITERATIONS:
            images = torch.einsum("fk,ckr,rft->crft", spread, fitted.response, sources)
            stems = images[:, :count].index_add(1, stereo, images[:, count:])
            gain = _gains(stems, y)
    response = fitted.response.abs()
    power = response[..., :count].square().mT
    total = power.mean(0)
    certainty = total / (total + fitted.variance[:, :count].T + TINY)
    weight = fitted.power[:, :count].T * certainty.square()
    stems = stems * gain[:, None]
    remainder = (y - stems.sum(1)).abs().square().sum(0)
    own = stems.abs().square().sum(0)
    width = x.new_ones(count).real
    if len(stereo):
        sides = (response[..., count:].sum(0).T * weight[stereo]).sum(1)
        mids = (response[..., stereo].sum(0).T * weight[stereo]).sum(1)
        width[stereo] = sides / mids.clamp_min(TINY)
    in_bands = torch.einsum("nft,fk->nkt", own, bands)
    left_over = torch.einsum("ft,fk->kt", remainder, bands)
    mix = torch.einsum("cft,fk->k", y.abs().square(), bands)
    return IdentifiedTracks(
        power,
        certainty,
        weight,
        width,
        gain,
        own.sum(1),
        _tails(in_bands, left_over, hop_s),
        left_over.sum(1) / (mix + TINY),
    )


class _Responses(NamedTuple):
    """response: complex [2, K, R]. variance: [K, R]. power of the sources: [K, R]."""

    response: Tensor
    variance: Tensor
    power: Tensor


def _responses(x: Tensor, y: Tensor, bands: Tensor) -> _Responses:
    """Least squares in each band: sources [R, F, T], mix [2, F, T]."""
    by_bin = x.movedim(1, 0)
    complex_bands = bands.to(x.dtype)
    gram = (by_bin.conj() @ by_bin.mT).flatten(1)
    gram = (complex_bands.T @ gram).reshape(-1, len(x), len(x))
    cross = torch.einsum("frt,cft->cfr", by_bin.conj(), y)
    cross = torch.einsum("fk,cfr->ckr", complex_bands, cross)
    power = gram.diagonal(dim1=-2, dim2=-1).real
    ridge = RIDGE * power.mean(-1, keepdim=True) + TINY
    inverse = torch.linalg.inv(gram + torch.diag_embed(ridge.expand_as(power)).to(gram.dtype))
    response = torch.einsum("krs,cks->ckr", inverse, cross)
    total = torch.einsum("cft,fk->ck", y.abs().square(), bands)
    explained = (response.conj() * cross).sum(-1).real
    residual = (total - explained).clamp_min(0.0).sum(0)
    # Neighbouring bins and frames overlap: about half of them are independent.
    samples = 0.5 * bands.sum(0) * x.shape[-1]
    noise = residual / samples.clamp_min(1.0) * bands.square().sum(0) / bands.sum(0).clamp_min(TINY)
    variance = inverse.diagonal(dim1=-2, dim2=-1).real * noise[:, None]
    return _Responses(response, variance, power)


def _gains(stems: Tensor, y: Tensor) -> Tensor:
    """Least squares in each frame: stems [2, N, F, T] → gains [N, T]."""
    z = stems.permute(3, 1, 0, 2).flatten(2)
    target = y.permute(2, 0, 1).flatten(1)
    gram = (z.conj() @ z.mT).real
    cross = torch.einsum("tnk,tk->tn", z.conj(), target).real
    power = gram.diagonal(dim1=-2, dim2=-1)
    own, common = GAIN_RIDGE
    ridge = own * power + common * power.mean(1, keepdim=True) + TINY
    gains = torch.linalg.solve(gram + torch.diag_embed(ridge), cross + ridge).clamp(*GAIN_RANGE)
    mean = (gains * power).sum(0) / power.sum(0).clamp_min(TINY)
    return (gains / mean.clamp_min(1e-3)).T


def _tails(stems: Tensor, remainder: Tensor, hop_s: float) -> Tensor:
    """Powers of decaying tracks whose sum is nearest to the remainder, [decays, N].

    stems: power in bands [N, K, T]; remainder: [K, T]. Nearest by the Kullback–Leibler divergence.
    """
    tails = []
    for decay_s in DECAYS_S:
        keep = 10.0 ** (-6.0 * hop_s / (3.0 * decay_s))
        state, frames = torch.zeros_like(stems[..., 0]), []
        for frame in stems.unbind(-1):
            frames.append(state)
            state = keep * state + (1.0 - keep) * frame
        tails.append(torch.stack(frames, -1))
    basis = torch.cat(tails).flatten(1)
    target = remainder.flatten()
    sums = basis.sum(1) + TINY
    amounts = torch.full_like(sums, 0.1)
    for _ in range(TAIL_ITERATIONS):
        amounts = amounts * (basis @ (target / (amounts @ basis + TINY))) / sums
    return amounts.reshape(len(DECAYS_S), -1)
