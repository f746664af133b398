"""Detection of mains hum: steady lines at 50 or 60 Hz and their harmonics.

Hum is there all the time, notes are not: a line counts by its level in the quieter frames, and by
how far it is above the frequencies around it. Frames of 4 s separate 50 Hz from the note at 49 Hz.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai_mixer.utils.growing_array import GrowingArray

MAINS_HZ = (50.0, 60.0)
HARMONICS = 6
REDUCED_RATE_HZ = 2000  # by averaging: aliases fall on other frequencies, or are 30 dB lower
FRAME_S = 4.0
LINE_HZ = 0.5  # half width of a line
NEIGHBOURS_HZ = (1.5, 6.0)  # distance of the frequencies around it
QUIET_SHARE = 0.2  # quantile of the frames that decides
MIN_PROMINENCE_DB = 15.0  # of two of the first three lines; noise reaches 10
MIN_LEVEL_DB = -80.0


class Hum(NamedTuple):
    """Frequency of the mains, and RMS level of all lines in dB re full scale."""

    frequency_hz: float
    level_db: float


class HumDetector:
    """Hum of a song in blocks [C, n]; channels are added as power."""

    def __init__(self, sample_rate: int) -> None:
        self._step = max(1, sample_rate // REDUCED_RATE_HZ)
        self._rate = sample_rate / self._step
        self._rest: Tensor | None = None
        self._reduced = GrowingArray()

    def push(self, block: Tensor) -> None:
        """Add the next block, [C, n]."""
        block = block if self._rest is None else torch.cat([self._rest, block], -1)
        full = block.shape[-1] - block.shape[-1] % self._step
        self._rest = block[:, full:]
        self._reduced.push(block[:, :full].reshape(len(block), -1, self._step).mean(-1))

    def read(self) -> Hum | None:
        """The hum so far; None if there is none, or less than 4 s."""
        powers = self._frame_powers()
        if powers is None:
            return None
        found = [hum for mains_hz in MAINS_HZ if (hum := self._hum(powers, mains_hz)) is not None]
        return max(found, key=lambda hum: hum.level_db, default=None)

    def _frame_powers(self) -> NDArray[np.float64] | None:
        """Mean square of a sine at each bin: [frames, bins]. Silent frames are left out."""
        size = round(FRAME_S * self._rate)
        signal = self._reduced.read()
        if signal.shape[-1] < size:
            return None
        window = torch.hann_window(size)
        frames = signal.unfold(-1, size, size // 2)
        powers = [torch.fft.rfft(one * window).abs().square().mean(0) for one in frames.unbind(1)]
        result = torch.stack(powers).double().numpy() * 8 / size**2
        return result[result.sum(1) > 0] if result.any() else None

    def _hum(self, powers: NDArray[np.float64], mains_hz: float) -> Hum | None:
        bin_hz = 1 / FRAME_S
        frequencies = bin_hz * np.arange(powers.shape[1])
        prominent, total = [], 0.0
        for harmonic in range(1, HARMONICS + 1):
            distance = np.abs(frequencies - harmonic * mains_hz)
            line = powers[:, distance <= LINE_HZ].max(1)
            skirt = powers[:, (distance > LINE_HZ) & (distance < NEIGHBOURS_HZ[0])].max(1)
            around = powers[:, (distance >= NEIGHBOURS_HZ[0]) & (distance <= NEIGHBOURS_HZ[1])]
            ratios = line / np.maximum(np.median(around, 1), 1e-20)
            quiet_line, quiet_skirt, ratio = (
                float(np.quantile(values, QUIET_SHARE)) for values in (line, skirt, ratios)
            )
            is_peak = quiet_line > quiet_skirt  # else the edge of a note beside it
            prominent.append(is_peak and ratio >= 10 ** (MIN_PROMINENCE_DB / 10))
            total += quiet_line if prominent[-1] else 0.0
        level_db = 10 * np.log10(total + 1e-20)
        if sum(prominent[:3]) >= 2 and level_db >= MIN_LEVEL_DB:
            return Hum(mains_hz, float(level_db))
        return None
