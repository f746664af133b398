"""Statistics of the channels of a song, and the technical faults that they show.

Each fault is named with a figure. Measured block by block, next to `Measurements`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.faults.channel_delay import ChannelDelayMeter
from ai_mixer.faults.clipping_detection import Clipping, ClippingDetector
from ai_mixer.faults.hum_detection import Hum, HumDetector

DEAD_DB = 40.0  # difference of the channels
IMBALANCE_DB = 3.0
OPPOSITE_CORRELATION, LOW_CORRELATION = -0.9, -0.2
MAX_OFFSET = 0.005  # of full scale, −46 dB
MIN_OFFSET_DURATION_S = 1.0  # a shorter song may end within a period of a low note
MIN_CLIPPED_PLACES = 3


@dataclass(frozen=True)
class SignalStatistics:
    """Statistics of the channels of a song, from left to right.

    levels_db: RMS without offset. offsets: mean, full scale = 1. correlation, balance_db (left over
    right): None for mono and if a channel is silent. delay_s: of the right channel.
    """

    duration_s: float
    frames: int
    levels_db: tuple[float, ...]
    offsets: tuple[float, ...]
    clipping: tuple[Clipping, ...]
    correlation: float | None
    balance_db: float | None
    delay_s: float
    delay_samples: int
    hum: Hum | None

    def to_dict(self) -> dict[str, object]:
        """Rounded values for JSON, lists from left to right."""
        return {
            "levels_db": [round(level, 1) for level in self.levels_db],
            "dc_offsets": [round(offset, 5) for offset in self.offsets],
            "clipped_places": [one.places for one in self.clipping],
            "clipped_samples": [one.samples for one in self.clipping],
            "correlation": None if self.correlation is None else round(self.correlation, 3),
            "balance_db": None if self.balance_db is None else round(self.balance_db, 1),
            "right_delay_ms": round(1000 * self.delay_s, 3),
            "hum_hz": None if self.hum is None else self.hum.frequency_hz,
            "hum_db": None if self.hum is None else round(self.hum.level_db, 1),
        }


class SignalFaultMeter:
    """Compute `SignalStatistics` of a song block by block."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._hum, self._delay = HumDetector(sample_rate), ChannelDelayMeter(sample_rate)
        self._clipping: list[ClippingDetector] = []
        self._sums, self._products = torch.zeros(2).double(), torch.zeros(2, 2).double()
        self._frames = 0

    def push(self, block: Tensor) -> None:
        """Add the next block, [C, n]."""
        self._clipping = self._clipping or [ClippingDetector() for _ in block]
        for detector, channel in zip(self._clipping, block, strict=True):
            detector.push(channel.numpy())
        both = block.expand(2, -1).double()
        self._sums += both.sum(-1)
        self._products += both @ both.T
        self._frames += block.shape[-1]
        self._hum.push(block)
        if len(block) == 2:
            self._delay.push(block)

    def read(self) -> SignalStatistics:
        """Return the statistics of all blocks."""
        offsets = self._sums / self._frames
        covariance = self._products / self._frames - offsets[:, None] * offsets
        channels = len(self._clipping)
        powers = covariance.diagonal().clamp_min(0).tolist()
        correlation = balance_db = None
        if channels == 2 and min(powers) > 10 ** (SILENCE_DB / 10):
            correlation = float(covariance[0, 1]) / math.sqrt(powers[0] * powers[1])
            balance_db = 10 * math.log10(powers[0] / powers[1])
        delay = self._delay.delay_samples() if correlation is not None else 0
        return SignalStatistics(
            duration_s=self._frames / self.sample_rate,
            frames=self._frames,
            levels_db=tuple(_power_db(power) for power in powers[:channels]),
            offsets=tuple(offsets.tolist()[:channels]),
            clipping=tuple(detector.read() for detector in self._clipping),
            correlation=correlation,
            balance_db=balance_db,
            delay_s=delay / self.sample_rate,
            delay_samples=delay,
            hum=self._hum.read(),
        )


def describe_faults(statistics: SignalStatistics) -> list[str]:
    """One line with a figure for each fault; empty if there is none."""
    parts = (
        describe_levels,
        describe_polarity,
        describe_delay,
        describe_offsets,
        describe_clipping,
        describe_hum,
    )
    return [text for describe in parts for text in describe(statistics)]


def describe_levels(statistics: SignalStatistics) -> list[str]:
    """A dead channel, or the difference of the two."""
    if not _is_pair(statistics):
        return []
    left_db, right_db = statistics.levels_db
    difference_db = left_db - right_db
    quiet, loud = ("right", "left") if difference_db > 0 else ("left", "right")
    if abs(difference_db) >= DEAD_DB:
        quiet_db, loud_db = min(left_db, right_db), max(left_db, right_db)
        return [
            f"the {quiet} channel is dead: {quiet_db:.1f} dB, the {loud} one has {loud_db:.1f} dB"
        ]
    if abs(difference_db) >= IMBALANCE_DB:
        return [f"the {quiet} channel is {abs(difference_db):.1f} dB quieter than the {loud}"]
    return []


def describe_polarity(statistics: SignalStatistics) -> list[str]:
    """Opposite polarity of the channels."""
    correlation = 1.0 if statistics.correlation is None else statistics.correlation
    if not _is_pair(statistics) or _is_dead(statistics) or correlation > LOW_CORRELATION:
        return []
    if correlation <= OPPOSITE_CORRELATION:
        return [f"the channels have opposite polarity (correlation {correlation:+.2f})"]
    return [
        f"the channels partly cancel in mono (correlation {correlation:+.2f}): the polarity of "
        "one may be inverted"
    ]


def describe_delay(statistics: SignalStatistics) -> list[str]:
    """Delay between the channels."""
    if not _is_pair(statistics) or _is_dead(statistics) or not statistics.delay_samples:
        return []
    late = "right" if statistics.delay_samples > 0 else "left"
    samples, delay_ms = abs(statistics.delay_samples), 1000 * abs(statistics.delay_s)
    return [f"the {late} channel is {delay_ms:.2f} ms late ({samples} samples)"]


def describe_offsets(statistics: SignalStatistics) -> list[str]:
    """DC offset of each channel."""
    if statistics.duration_s < MIN_OFFSET_DURATION_S:
        return []
    return [
        f"{name} has a DC offset of {offset:+.4f} ({20 * math.log10(abs(offset)):.1f} dB)"
        for name, offset in zip(_names(statistics), statistics.offsets, strict=True)
        if abs(offset) > MAX_OFFSET
    ]


def describe_clipping(statistics: SignalStatistics) -> list[str]:
    """Flat tops of each channel."""
    return [
        f"{name} is clipped in {clipping.places} places "
        f"({100 * clipping.samples / statistics.frames:.2g} % of its samples)"
        for name, clipping in zip(_names(statistics), statistics.clipping, strict=True)
        if clipping.places >= MIN_CLIPPED_PLACES
    ]


def describe_hum(statistics: SignalStatistics) -> list[str]:
    """Mains hum."""
    if not statistics.hum:
        return []
    frequency_hz, level_db = statistics.hum
    return [f"mains hum at {frequency_hz:g} Hz and its harmonics: {level_db:.1f} dB"]


def _is_pair(statistics: SignalStatistics) -> bool:
    """Whether there are two channels with sound in one of them."""
    return len(statistics.levels_db) == 2 and max(statistics.levels_db) > SILENCE_DB


def _is_dead(statistics: SignalStatistics) -> bool:
    left_db, right_db = statistics.levels_db
    return abs(left_db - right_db) >= DEAD_DB


def _names(statistics: SignalStatistics) -> tuple[str, ...]:
    if len(statistics.levels_db) == 1:
        return ("the song",)
    return "the left channel", "the right channel"


def _power_db(power: float) -> float:
    return max(10 * math.log10(max(power, 1e-30)), SILENCE_DB)
