"""Linear-phase filters of mid and side with a gain for each third of an octave, block by block.

The impulse response is symmetric about its middle, so all frequencies are delayed equally, and the
delay is removed: a filter of 0 dB returns the song. Its length resolves the lowest third of an
octave; a smooth curve rings before a transient by a few milliseconds only.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ai_mixer.core.units import db_to_ratio

TAPS_S = 8192 / 44100


def linear_phase_response(gain_db: Tensor, centres_hz: Sequence[float], sample_rate: int) -> Tensor:
    """Impulse responses of gains in dB at some frequencies: [..., bands] → [..., taps] float64.

    Between the frequencies, the gain in dB is linear over log frequency, beyond them constant.
    The responses are windowed (Hann), and centred on sample taps / 2.
    """
    taps = 2 ** round(math.log2(TAPS_S * sample_rate))
    weights = _interpolation(taps, sample_rate, tuple(centres_hz))
    response = torch.fft.irfft(db_to_ratio(gain_db.double() @ weights), taps)
    return response.roll(taps // 2, -1) * torch.hann_window(taps, dtype=torch.float64)


@lru_cache(maxsize=4)
def _interpolation(taps: int, sample_rate: int, centres_hz: tuple[float, ...]) -> Tensor:
    """[bands, bins]: weight of the gain of each band for each bin."""
    centres = np.log(centres_hz)
    bins = np.fft.rfftfreq(taps, 1 / sample_rate)
    frequency = np.log(np.maximum(bins, sample_rate / taps / 2))
    return torch.from_numpy(
        np.stack([np.interp(frequency, centres, band) for band in np.eye(len(centres))])
    )


def filter_mid_side(blocks: Iterable[Tensor], mid: Tensor, side: Tensor) -> Iterator[Tensor]:
    """Filter a song in blocks [C, n]; mid, side: responses, [taps] each.

    Without latency, as long as the song. Mono is filtered as mid. Yields blocks [C, n].
    """
    taps = len(mid)
    to_skip, tail, spectra = taps // 2, torch.empty(0), dict[int, Tensor]()
    responses = torch.stack([mid, side])
    for block in blocks:
        channels, length = block.shape
        if not length:
            continue
        size = 2 ** math.ceil(math.log2(length + taps - 1))
        if size not in spectra:
            spectra[size] = torch.fft.rfft(responses.to(torch.float32), size)
        rows = _to_mid_side(block)
        filtered = torch.fft.irfft(torch.fft.rfft(rows, size) * spectra[size][:channels], size)
        filtered = filtered[:, : length + taps - 1]
        if tail.numel():
            filtered[:, : taps - 1] += tail
        tail = filtered[:, length:].clone()
        skipped = min(to_skip, length)
        to_skip -= skipped
        if skipped < length:
            yield _from_mid_side(filtered[:, skipped:length])
    if tail.numel():  # the response of the last samples; a short song is still to be skipped into
        rest = tail[:, to_skip : taps // 2] if to_skip else tail[:, : taps // 2]
        yield _from_mid_side(rest)


def _to_mid_side(x: Tensor) -> Tensor:
    return torch.stack([x[0] + x[1], x[0] - x[1]]) / 2 if len(x) == 2 else x


def _from_mid_side(x: Tensor) -> Tensor:
    return torch.stack([x[0] + x[1], x[0] - x[1]]) if len(x) == 2 else x
