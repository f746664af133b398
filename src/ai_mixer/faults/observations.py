"""What the detectors of faults need to know of a song, measured block by block."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.resample import resample
from ai_mixer.dsp.spectra import power_to_db, third_octave_power
from ai_mixer.dsp.true_peak import TruePeakMeter
from ai_mixer.faults import fine_spectrum
from ai_mixer.faults.click_detection import click_ratios
from ai_mixer.faults.fault_profile import RATE_HZ, fault_profile
from ai_mixer.faults.signal_statistics import SignalFaultMeter, SignalStatistics

SEGMENT_S = 10.0
MIN_SEGMENT_S = 1.0
QUIET_SEGMENT_DB = 30.0  # segments further below the loudest one are not counted
KEPT_CLICKS = 64  # of each segment
PEAK_SHARES = (0.99, 0.999)  # quantiles of the sample values: a clipped wave has them close


@dataclass(frozen=True)
class Observations:
    """Measurements of one song for the detectors of faults.

    profile: [F] as `fault_profile`, at 44.1 kHz, mean of the segments. contrast_db, mean_db:
    [bands] of `fine_spectrum`. clicks: prominence of the most prominent differences, largest first.
    balance_db: left over right per third of an octave, [bands]. peak_spread_db: between the two
    quantiles of the sample values. None: too short or silent. other: of another version of the
    recording, if there is one.
    """

    signal: SignalStatistics
    true_peak_db: float
    sample_peak_db: float
    profile: Tensor | None
    contrast_db: Tensor | None
    mean_db: Tensor | None
    clicks: Tensor
    balance_db: Tensor | None
    peak_spread_db: float
    other: "Observations | None" = None


class _Segment(NamedTuple):
    """Values of one segment of a song."""

    duration_s: float
    level_db: float
    profile: Tensor
    fine_db: Tensor
    balance_db: Tensor
    clicks: Tensor
    peak_spread_db: float


class ObservationMeter:
    """Compute `Observations` of a song block by block."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._signal, self._peak = SignalFaultMeter(sample_rate), TruePeakMeter()
        self._sample_peak = 0.0
        self._segment = round(SEGMENT_S * sample_rate)
        self._parts: list[Tensor] = []
        self._length = 0
        self._rows: list[_Segment] = []

    def push(self, block: Tensor) -> None:
        """Add the next block, [C, n]."""
        self._signal.push(block)
        self._peak.push(block[None])
        self._sample_peak = max(self._sample_peak, float(block.abs().max()))
        self._parts.append(block)
        self._length += block.shape[-1]
        if self._length >= self._segment:
            audio = torch.cat(self._parts, -1)
            while audio.shape[-1] >= self._segment:
                self._measure(audio[:, : self._segment])
                audio = audio[:, self._segment :]
            self._parts, self._length = [audio], audio.shape[-1]

    def read(self) -> Observations:
        """Return the observations of all blocks."""
        least = MIN_SEGMENT_S if self._rows else 0.1
        if self._length >= least * self.sample_rate:
            self._measure(torch.cat(self._parts, -1))
        loudest = max((row.level_db for row in self._rows), default=SILENCE_DB)
        rows = [
            row for row in self._rows if row.level_db > max(loudest - QUIET_SEGMENT_DB, SILENCE_DB)
        ]
        shares = torch.tensor([row.duration_s for row in rows])
        shares = shares / shares.sum()
        means = [
            torch.einsum("n,n...->...", shares, torch.stack(parts))
            for parts in list(zip(*rows, strict=True))[2:5]
        ]
        return Observations(
            signal=self._signal.read(),
            true_peak_db=_db(float(self._peak.read())),
            sample_peak_db=_db(self._sample_peak),
            profile=means[0] if rows else None,
            contrast_db=means[1][0] if rows else None,
            mean_db=means[1][1] if rows else None,
            clicks=torch.cat([row.clicks for row in self._rows]).sort(descending=True).values
            if self._rows
            else torch.zeros(0),
            balance_db=means[2] if rows else None,
            peak_spread_db=min((row.peak_spread_db for row in rows), default=math.nan),
        )

    def _measure(self, audio: Tensor) -> None:
        common = audio.expand(2, -1)
        if self.sample_rate != RATE_HZ:
            common = resample(common, self.sample_rate, RATE_HZ)
        left_db, right_db = power_to_db(third_octave_power(common[None], RATE_HZ))[0]
        self._rows.append(
            _Segment(
                duration_s=audio.shape[-1] / self.sample_rate,
                level_db=_db(float(audio.square().mean().sqrt())),
                profile=fault_profile(common[None], RATE_HZ)[0],
                fine_db=fine_spectrum.fine_levels_db(common, RATE_HZ),
                balance_db=left_db - right_db,
                clicks=click_ratios(audio)[:KEPT_CLICKS].clone(),
                peak_spread_db=_peak_spread_db(audio),
            )
        )


def observe(audio: Tensor, sample_rate: int) -> Observations:
    """Observations of audio in memory, [C, T]."""
    meter = ObservationMeter(sample_rate)
    meter.push(audio)
    return meter.read()


def mean_profile(audio: Tensor, sample_rate: int) -> Tensor:
    """The profile alone of audio in memory, [C, T], of at least a second: [F]."""
    common = audio.expand(2, -1)
    if sample_rate != RATE_HZ:
        common = resample(common, sample_rate, RATE_HZ)
    segments = torch.split(common, round(SEGMENT_S * RATE_HZ), -1)
    shares = torch.tensor([float(one.shape[-1]) for one in segments])
    if len(segments) > 1 and shares[-1] < MIN_SEGMENT_S * RATE_HZ:
        segments, shares = segments[:-1], shares[:-1]
    profiles = torch.stack([fault_profile(one[None], RATE_HZ)[0] for one in segments])
    return (shares / shares.sum()) @ profiles


def _peak_spread_db(audio: Tensor) -> float:
    """Level between two quantiles of the sample values of the louder channel, dB."""
    channel = audio[int(audio.square().mean(-1).argmax())].abs()
    low, high = (
        float(channel.kthvalue(max(1, round(share * len(channel)))).values) for share in PEAK_SHARES
    )
    return _db(high) - _db(low)


def _db(ratio: float) -> float:
    return 20 * math.log10(max(ratio, 10 ** (SILENCE_DB / 20)))
