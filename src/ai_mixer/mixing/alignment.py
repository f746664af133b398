"""Time alignment of two versions of a recording, by cross-correlation over their whole length.

First at a reduced rate, then to the sample on the excerpt that is compared.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.data.paired_audio import correlation_peak
from ai_mixer.dsp.resample import common_period, half_width_samples, resample
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.utils.growing_array import GrowingArray

COARSE_RATE_HZ = 2000
MAX_COARSE_SAMPLES = 1 << 21  # 17 minutes at 2 kHz; longer songs are correlated at a lower rate
RATE_STEP_HZ = 50  # a common divisor of sample rates: few phases in the resampler
AVERAGED_RATES = 4  # resampled from at least this multiple of the rate, by averaging: fast
FINE_RANGE_S = 0.01  # around the lag found at the reduced rate, which may be as low as 400 Hz
CHUNK_S = 20.0
MIN_OVERLAP_S = 1.0
# Peak of the whole correlation over its RMS. 153 pairs of songs of 20 s have up to 7, generated
# songs with equal notes and a common beat up to 14, two copies of a recording of 9 s 169.
MIN_PEAK_RATIO = 15.0
TAPER_S = 1.0  # fade at both ends: two songs that start at full level have these edges in common
# Peak of the whole correlation over its RMS. 153 pairs of songs of 20 s have up to 7, generated
# songs with equal notes and a common beat up to 14, two copies of a recording of 9 s 169.
MIN_PEAK_RATIO = 15.0
TAPER_S = 1.0  # fade at both ends: two songs that start at full level have these edges in common


class AlignedExcerpts(NamedTuple):
    """The same excerpt of two versions, [2, T] each. lag_s: start of `first` minus `second`."""

    first: Tensor
    second: Tensor
    lag_s: float


def align_excerpts(
    first: AudioFile, second: AudioFile, measured: Measurements, length_s: float, rate: int
) -> AlignedExcerpts | None:
    """The loudest common excerpt of up to `length_s` of both; None if not of one recording.

    measured: measurements of `second`. The two may start at different times and have different
    lengths, if at least a second of them is common.
    """
    lag_s = estimate_file_lag_s(first, second)
    if math.isnan(lag_s):
        return None
    begin_s = max(0.0, -lag_s)
    end_s = min(second.duration_s, first.duration_s - lag_s)
    length_s = min(length_s, end_s - begin_s)
    if length_s < MIN_OVERLAP_S:
        return None
    start_s = measured.loudest_start_s(length_s, begin_s, end_s - length_s)
    start_s = min(max(start_s, begin_s), end_s - length_s)
    after = _excerpt(second, start_s, length_s, rate)
    before = _excerpt(first, start_s + lag_s, length_s, rate)
    correction_s, _ = _best_peak(before, after, rate, FINE_RANGE_S)
    lag_s += correction_s
    if correction_s:
        before = _excerpt(first, start_s + lag_s, length_s, rate)
    return AlignedExcerpts(before, after, lag_s)


def estimate_file_lag_s(first: AudioFile, second: AudioFile) -> float:
    """Lag of `first` relative to `second` in seconds, to half a millisecond; NaN if they differ."""
    seconds = max(first.duration_s, second.duration_s)
    rate = min(COARSE_RATE_HZ, max(RATE_STEP_HZ, int(MAX_COARSE_SAMPLES / seconds)))
    rate -= rate % RATE_STEP_HZ
    before, after = (_reduced(song, rate) for song in (first, second))
    lag_s, peak_ratio = _best_peak(before, after, rate, math.inf)
    return lag_s if peak_ratio > MIN_PEAK_RATIO else math.nan


def _best_peak(before: Tensor, after: Tensor, rate: int, max_lag_s: float) -> tuple[float, float]:
    """Lag and peak ratio of the mid or of the left channel, as the polarity of one may differ."""
    peaks = [correlation_peak(view(before), view(after), rate, max_lag_s) for view in (_mid, _left)]
    return max(peaks, key=lambda peak: peak[1])


def _mid(audio: Tensor) -> NDArray[np.float32]:
    return audio.mean(0).numpy()


def _left(audio: Tensor) -> NDArray[np.float32]:
    return audio[0].numpy()


def _reduced(song: AudioFile, rate: int) -> Tensor:
    """The whole song at a reduced rate, [C, T], read in one pass."""
    parts = GrowingArray()
    for part in _resampled_chunks(song, rate):
        parts.push(part)
    reduced = parts.read()
    length = min(round(TAPER_S * rate), reduced.shape[-1] // 2)
    fade = torch.linspace(0.0, 1.0, length + 1)[1:]
    reduced[:, :length] *= fade
    reduced[:, reduced.shape[-1] - length :] *= fade.flip(0)
    return reduced


def _resampled_chunks(song: AudioFile, rate: int) -> Iterator[Tensor]:
    """Yield resampled chunks. Those at the ends of a chunk use the samples on both sides."""
    step = _averaging_step(song.sample_rate, rate)
    averaged_rate = song.sample_rate // step
    step_in, step_out = common_period(averaged_rate, rate)
    periods = -(-half_width_samples(averaged_rate, rate) // step_in)
    margin, skipped = periods * step_in, periods * step_out
    size = max(1, round(CHUNK_S * averaged_rate / step_in)) * step_in
    buffer, rest = torch.zeros(song.channels, margin), torch.zeros(song.channels, 0)
    for block in song.blocks():
        rest = torch.cat([rest, block], -1)
        full = rest.shape[-1] - rest.shape[-1] % step
        averages = rest[:, :full].reshape(song.channels, -1, step).mean(-1)
        buffer, rest = torch.cat([buffer, averages], -1), rest[:, full:]
        while buffer.shape[-1] >= size + 2 * margin:
            chunk = resample(buffer[:, : size + 2 * margin], averaged_rate, rate)
            yield chunk[:, skipped : skipped + size // step_in * step_out]
            buffer = buffer[:, size:]
    yield resample(pad(buffer, (0, margin)), averaged_rate, rate)[:, skipped:]


def _averaging_step(sample_rate: int, rate: int) -> int:
    """Largest divisor of the sample rate that leaves AVERAGED_RATES times the rate."""
    largest = max(1, sample_rate // (AVERAGED_RATES * rate))
    return next(step for step in range(largest, 0, -1) if sample_rate % step == 0)


def _excerpt(song: AudioFile, start_s: float, length_s: float, rate: int) -> Tensor:
    """[2, T], silent outside the song."""
    first, length = round(start_s * rate), round(length_s * rate)
    return read_resampled(song.read_samples, song.sample_rate, first, length, rate).expand(2, -1)
