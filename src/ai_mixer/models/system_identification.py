"""From rough to finished, as one measures a black box: frequency response and gain over time.

Only where both versions of the same excerpt are heard. The cross spectrum keeps what follows the
rough in step, so echoes and tails later than a frame do not blur the response (Bendat & Piersol,
"Random Data", 4th ed., chapter 6, optimum linear system). What is left over time is a gain: the
compressor's.

Response and gain are measured in turn, each with the other taken out (alternating least squares of
wanted ≈ response · gain · heard): a gain that follows the music is louder in some bands than in
others, and leans on a response measured alone by as much as a decibel.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ai_mixer.dsp.spectra import power

QUANTILES = 12  # of a level or gain over the frames
POWER_FLOOR = 1e-10  # power: −100 dB
ITERATIONS = 8  # of response and gain; with more, what is left of real music no longer shrinks
MIN_RELATIVE_POWER = 1e-3  # of the mean power: frames below say nothing of a gain


class IdentifiedSystem(NamedTuple):
    """What was done to `heard`: wanted ≈ response · gain · heard.

    response: complex, [B, C, F]. gain_db: [B, frames], within ±20 dB, mean 0 over the frames that
    sound. sounding: [B, frames], the share of each of these frames in a mean; 0 elsewhere.
    """

    response: Tensor
    gain_db: Tensor
    frame_weights: Tensor


def identify_system(heard: Tensor, wanted: Tensor) -> IdentifiedSystem:
    """Response and gain. heard, wanted: spectra [B, C, F, frames]; silence reads no gain."""
    cross, energy = wanted * heard.conj(), power(heard)
    gain = energy.new_ones(len(heard), energy.shape[-1])
    for _ in range(ITERATIONS):
        response = _response(cross, energy, gain)
        gain = _gain(cross, energy, response)
    share = _frame_weights(energy)
    gain_db = 20.0 * torch.log10(gain)
    mean_db = (share * gain_db).sum(-1, keepdim=True)
    return IdentifiedSystem(
        response * 10.0 ** (mean_db[..., None] / 20.0), gain_db - mean_db, share
    )


def response_db(measured: IdentifiedSystem, heard: Tensor, bands: Tensor) -> Tensor:
    """The response per band in dB. heard: [B, C, F, frames]; bands: [F, M] → [B, C, M].

    Bands without signal read 0 dB.
    """
    energy = power(heard).sum(-1)
    through = (power(measured.response) * energy) @ bands
    return 10.0 * torch.log10((through + POWER_FLOOR) / (energy @ bands + POWER_FLOOR))


def level_track_db(audio: Tensor, hop: int, frames: int) -> Tensor:
    """Peak level of each hop over both channels, as a compressor hears it: → [B, frames]."""
    peaks = audio.abs().amax(1, keepdim=True)
    tracked = nn.functional.max_pool1d(nn.functional.pad(peaks, (hop // 2, hop)), hop)[:, 0]
    return 20.0 * torch.log10(tracked[:, :frames].clamp_min(1e-4))


def quantiles(track: Tensor) -> Tensor:
    """The track from its lowest to its highest, means of equal shares: → [B, QUANTILES]."""
    return _quantile_means(track.sort(dim=-1).values)


def gain_by_level(level: Tensor, gain: Tensor) -> Tensor:
    """Mean gain of equal shares of the frames, quietest to loudest: → [B, QUANTILES]."""
    return _quantile_means(gain.gather(-1, level.argsort(dim=-1)))


def _quantile_means(track: Tensor) -> Tensor:
    return nn.functional.adaptive_avg_pool1d(track[:, None], QUANTILES)[:, 0]


def _response(cross: Tensor, energy: Tensor, gain: Tensor) -> Tensor:
    """Least-squares complex response over the frames, their gains [B, frames] known: [B, C, F]."""
    along = torch.einsum("bcfn,bn->bcf", cross, gain.to(cross))
    driving = torch.einsum("bcfn,bn->bcf", energy, gain.square())
    return along / (driving + POWER_FLOOR)


def _gain(cross: Tensor, energy: Tensor, response: Tensor) -> Tensor:
    """Least-squares gain of each frame, the response known: [B, frames], within ±20 dB."""
    along = torch.einsum("bcfn,bcf->bn", cross, response.conj()).real
    driving = torch.einsum("bcfn,bcf->bn", energy, power(response))
    return ((along + POWER_FLOOR) / (driving + POWER_FLOOR)).clamp(0.1, 10.0)


def _frame_weights(energy: Tensor) -> Tensor:
    """[B, C, F, frames] → [B, frames] that sum to one, if there is any sound."""
    level = energy.sum((1, 2))
    there = (level > MIN_RELATIVE_POWER * level.mean(-1, keepdim=True)).to(level.dtype)
    return there / there.sum(-1, keepdim=True).clamp_min(1.0)
