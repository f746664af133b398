"""From rough to finished, as one measures a black box: frequency response and gain over time.

Only where both versions of the same excerpt are heard. The cross spectrum keeps what follows the
rough in step, so echoes and tails later than a frame do not blur the response (Bendat & Piersol,
"Random Data", 4th ed., chapter 6, optimum linear system). What is left over time is a gain: the
compressor's. Read against the level that drove it, it is the static curve that an engineer draws.
"""

import torch
from torch import Tensor, nn

from ai_mixer.dsp.spectra import power

QUANTILES = 12  # of a level or gain over the frames
FLOOR = 1e-10  # power: −100 dB


def frequency_response_db(heard: Tensor, wanted: Tensor, bands: Tensor) -> Tensor:
    """Gain per band in dB. heard, wanted: spectra [B, C, F, frames]; bands: [F, M] → [B, C, M].

    Bands without signal read 0 dB.
    """
    return _band_gain_db(_response(heard, wanted), power(heard).sum(-1), bands)


def gain_track_db(heard: Tensor, wanted: Tensor) -> Tensor:
    """Broadband gain of each frame over the mean response, in dB: [B, C, F, frames] → [B, frames].

    Within ±20 dB; frames without signal read 0 dB.
    """
    expected = _response(heard, wanted)[..., None] * heard
    along = (wanted.real * expected.real + wanted.imag * expected.imag).sum((1, 2))
    energy = power(expected).sum((1, 2))
    ratio = (along + FLOOR) / (energy + FLOOR)
    return 20.0 * torch.log10(ratio.clamp(0.1, 10.0))


def level_track_db(audio: Tensor, hop: int, frames: int) -> Tensor:
    """Peak level of each hop over both channels, as a compressor hears it: → [B, frames]."""
    peaks = audio.abs().amax(1, keepdim=True)
    tracked = nn.functional.max_pool1d(nn.functional.pad(peaks, (hop // 2, hop)), hop)[:, 0]
    return 20.0 * torch.log10(tracked[:, :frames].clamp_min(1e-4))


def quantiles(track: Tensor) -> Tensor:
    """The track from its lowest to its highest, means of equal shares: → [B, QUANTILES]."""
    return _shares(track.sort(dim=-1).values)


def curve(level: Tensor, gain: Tensor) -> Tensor:
    """Mean gain of equal shares of the frames, quietest to loudest: → [B, QUANTILES]."""
    return _shares(gain.gather(-1, level.argsort(dim=-1)))


def _shares(track: Tensor) -> Tensor:
    return nn.functional.adaptive_avg_pool1d(track[:, None], QUANTILES)[:, 0]


def _response(heard: Tensor, wanted: Tensor) -> Tensor:
    """Least-squares complex response over the frames: [B, C, F]."""
    return (wanted * heard.conj()).sum(-1) / (power(heard).sum(-1) + FLOOR)


def _band_gain_db(response: Tensor, heard: Tensor, bands: Tensor) -> Tensor:
    through = (power(response) * heard) @ bands
    return 10.0 * torch.log10((through + FLOOR) / (heard @ bands + FLOOR))
