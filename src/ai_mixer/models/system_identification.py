"""System identification from rough to finished version: frequency response and gain over time.

For both versions of the same excerpt (paired). The cross spectrum keeps what is coherent with the
rough within a frame, so echoes and tails later than a frame do not affect the response (Bendat &
Piersol, "Random Data", 4th ed., chapter 6, optimum linear system). What remains over time is a
gain: that of the compressor.

Response and gain are estimated in turn, each with the other held fixed (alternating least squares
of target ≈ response · gain · source): a gain that depends on the music weights some bands more than
others, which biases a response that is estimated alone by up to one decibel.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ai_mixer.dsp.spectra import power

QUANTILES = 12  # of a level or gain over the frames
POWER_FLOOR = 1e-10  # −100 dB
ITERATIONS = 8  # of response and gain; more do not reduce the residual on real music
MIN_RELATIVE_POWER = 1e-3  # relative to the mean: frames below have no weight in the mean gain


class IdentifiedSystem(NamedTuple):
    """A system with target ≈ response · gain · source.

    response: complex, [B, C, F]. gain_db: [B, frames], within ±20 dB, weighted mean 0.
    frame_weights: [B, frames], equal for all frames that are not silent, 0 for the others; sum 1.
    """

    response: Tensor
    gain_db: Tensor
    frame_weights: Tensor


def identify_system(source: Tensor, target: Tensor) -> IdentifiedSystem:
    """Estimate response and gain from spectra [B, C, F, frames]; the gain of silence is 0 dB."""
    cross, energy = target * source.conj(), power(source)
    gain = energy.new_ones(len(source), energy.shape[-1])
    for _ in range(ITERATIONS):
        response = _response(cross, energy, gain)
        gain = _gain(cross, energy, response)
    weights = _frame_weights(energy)
    gain_db = 20.0 * torch.log10(gain)
    mean_db = (weights * gain_db).sum(-1, keepdim=True)
    return IdentifiedSystem(
        response * 10.0 ** (mean_db[..., None] / 20.0), gain_db - mean_db, weights
    )


def response_db(system: IdentifiedSystem, source: Tensor, bands: Tensor) -> Tensor:
    """Response per band in dB: [B, C, M]; 0 dB for bands without signal.

    source: spectra [B, C, F, frames]. bands: weights [F, M].
    """
    energy = power(source).sum(-1)
    output = (power(system.response) * energy) @ bands
    return 10.0 * torch.log10((output + POWER_FLOOR) / (energy @ bands + POWER_FLOOR))


def level_track_db(audio: Tensor, hop: int, frames: int) -> Tensor:
    """Peak level of each hop in dB over both channels, as in a compressor's detector.

    audio: [B, C, T]. Returns [B, frames], at least −80 dB.
    """
    peaks = audio.abs().amax(1, keepdim=True)
    per_hop = nn.functional.max_pool1d(nn.functional.pad(peaks, (hop // 2, hop)), hop)[:, 0]
    return 20.0 * torch.log10(per_hop[:, :frames].clamp_min(1e-4))


def quantiles(values: Tensor) -> Tensor:
    """Means of QUANTILES equal groups of the sorted values: [B, frames] → [B, QUANTILES]."""
    return _group_means(values.sort(dim=-1).values)


def gain_by_level(level: Tensor, gain: Tensor) -> Tensor:
    """Mean gain of equal groups of frames, quietest to loudest: [B, frames] → [B, QUANTILES]."""
    return _group_means(gain.gather(-1, level.argsort(dim=-1)))


def _group_means(values: Tensor) -> Tensor:
    return nn.functional.adaptive_avg_pool1d(values[:, None], QUANTILES)[:, 0]


def _response(cross: Tensor, energy: Tensor, gain: Tensor) -> Tensor:
    """Least-squares complex response [B, C, F] over the frames, for given gains [B, frames]."""
    numerator = torch.einsum("bcfn,bn->bcf", cross, gain.to(cross))
    denominator = torch.einsum("bcfn,bn->bcf", energy, gain.square())
    return numerator / (denominator + POWER_FLOOR)


def _gain(cross: Tensor, energy: Tensor, response: Tensor) -> Tensor:
    """Least-squares gain of each frame for a given response: [B, frames], within ±20 dB."""
    numerator = torch.einsum("bcfn,bcf->bn", cross, response.conj()).real
    denominator = torch.einsum("bcfn,bcf->bn", energy, power(response))
    return ((numerator + POWER_FLOOR) / (denominator + POWER_FLOOR)).clamp(0.1, 10.0)


def _frame_weights(energy: Tensor) -> Tensor:
    """[B, C, F, frames] → weights [B, frames] that sum to one, or all zero for silence."""
    level = energy.sum((1, 2))
    audible = (level > MIN_RELATIVE_POWER * level.mean(-1, keepdim=True)).to(level.dtype)
    return audible / audible.sum(-1, keepdim=True).clamp_min(1.0)
