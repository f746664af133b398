"""Measurements of a song: loudness, peaks, spectrum, width. Computed block by block."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.levels import WIDTH_LIMIT_DB
from ai_mixer.dsp.loudness import LoudnessMeter
from ai_mixer.dsp.spectra import (
    centroid_hz,
    long_term_power,
    power_to_db,
    third_octave_centres,
    third_octave_power_from_bins,
)
from ai_mixer.dsp.true_peak import TruePeakMeter
from ai_mixer.metrics.standards import BANDS, band_shares_db
from ai_mixer.utils.growing_array import GrowingArray

FRAME_S = 1.0  # one spectrum per second
MAX_CURVE_POINTS = 300  # of the loudness curve


@dataclass(frozen=True)
class Measurements:
    """Measurements of one song.

    loudness_lufs, range_lu: ITU-R BS.1770-4, EBU Tech 3342; loudness without gates if the song is
    below the absolute gate of −70 LUFS. mean_lufs: loudness without gates. silent: whether all
    samples are 0. bands_db: share of each named band in the power of all five.
    spectrum_db: third-octave levels, with the centres in `spectrum_hz`. short_term_lufs: short-term
    loudness at evenly spaced times. spectra_db: third-octave levels of each second, [S, bands].
    width_db, centroid_hz: None if undefined (mono, silence).
    """

    duration_s: float
    loudness_lufs: float
    mean_lufs: float
    silent: bool
    range_lu: float
    true_peak_db: float
    rms_db: float
    crest_db: float
    width_db: float | None
    centroid_hz: float | None
    bands_db: dict[str, float]
    spectrum_hz: tuple[float, ...]
    spectrum_db: tuple[float, ...]
    short_term_lufs: tuple[float, ...]
    spectra_db: Tensor

    @property
    def mono(self) -> bool:
        """Whether the song has one channel, or no audible side."""
        return self.width_db is None or self.width_db <= -WIDTH_LIMIT_DB

    def loudest_start_s(
        self, length_s: float, first_s: float = 0.0, last_s: float = math.inf
    ) -> float:
        """Start of the loudest stretch of `length_s`, in whole seconds.

        Within first_s to last_s, if a whole second is.
        """
        powers = (10 ** (self.spectra_db / 10)).sum(-1)
        size = min(max(1, round(length_s)), len(powers))
        sums = powers.unfold(0, size, 1).sum(-1)
        first = min(max(0, math.ceil(first_s)), len(sums) - 1)
        last = max(first, min(len(sums) - 1, math.floor(min(last_s, len(sums)))))
        return float(first + sums[first : last + 1].argmax())

    def to_dict(self) -> dict[str, object]:
        """Rounded values for JSON."""
        scalars = {
            "duration_s": round(self.duration_s, 3),
            "loudness_lufs": round(self.loudness_lufs, 2),
            "range_lu": round(self.range_lu, 1),
            "true_peak_dbtp": round(self.true_peak_db, 2),
            "rms_db": round(self.rms_db, 2),
            "crest_db": round(self.crest_db, 2),
            "width_db": None if self.width_db is None else round(self.width_db, 1),
            "centroid_hz": None if self.centroid_hz is None else round(self.centroid_hz),
        }
        return {**scalars, "bands_db": {name: round(db, 1) for name, db in self.bands_db.items()}}


class SongMeter:
    """Compute `Measurements` of a song block by block."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._loudness, self._peak = LoudnessMeter(sample_rate), TruePeakMeter()
        self._frame = round(FRAME_S * sample_rate)
        self._rest: Tensor | None = None  # samples of the incomplete second
        self._density: Tensor | None = None
        self._spectra = GrowingArray()  # [bands, seconds], dB
        self._powers = torch.zeros(2, dtype=torch.float64)  # mid and side
        self._sample_peak, self._frames = 0.0, 0

    def push(self, block: Tensor) -> None:
        """Add the next block, [C, n]."""
        self._loudness.push(block[None])
        self._peak.push(block[None])
        low, high = block.aminmax()
        self._sample_peak = max(self._sample_peak, -float(low), float(high))
        self._frames += block.shape[-1]
        left, right = block[0], block[-1]
        both = torch.stack([(left + right).square().sum(), (left - right).square().sum()])
        self._powers += both.double() / 4
        rest = block if self._rest is None else torch.cat([self._rest, block], -1)
        full = rest.shape[-1] - rest.shape[-1] % self._frame
        if full:
            for second in torch.split(rest[:, :full], self._frame, -1):
                self._add_second(second)
        self._rest, self._channels = rest[:, full:], len(block)

    def read(self) -> Measurements:
        """Return the measurements of all blocks. Call it once, at the end."""
        if self._density is None:  # shorter than a second
            assert self._rest is not None
            self._add_second(self._rest)
        assert self._density is not None
        spectra_db = self._spectra.read().T
        density = self._density / len(spectra_db)
        mid, side = (self._powers / self._frames).tolist()
        rms_db = float(power_to_db(torch.tensor(mid + side)))
        silent = self._sample_peak == 0
        centroid = math.nan if silent else float(centroid_hz(density, self.sample_rate))
        curve = self._loudness.short_term_lufs()[0]
        spectrum = power_to_db(third_octave_power_from_bins(density, self.sample_rate))
        loudness, mean_lufs = float(self._loudness.lufs()), float(self._loudness.mean_lufs())
        if loudness <= SILENCE_DB and not silent:
            loudness = mean_lufs
        return Measurements(
            duration_s=self._frames / self.sample_rate,
            loudness_lufs=loudness,
            mean_lufs=mean_lufs,
            silent=silent,
            range_lu=float(self._loudness.range_lu()),
            true_peak_db=_db(float(self._peak.read())),
            rms_db=rms_db,
            crest_db=0.0 if silent else _db(self._sample_peak) - rms_db,
            width_db=_width_db(mid, side) if self._channels == 2 and not silent else None,
            centroid_hz=None if math.isnan(centroid) else centroid,
            bands_db=dict(
                zip(BANDS, band_shares_db(density, self.sample_rate).tolist(), strict=True)
            ),
            spectrum_hz=third_octave_centres(self.sample_rate),
            spectrum_db=tuple(spectrum.tolist()),
            short_term_lufs=tuple(curve[:: max(1, -(-len(curve) // MAX_CURVE_POINTS))].tolist()),
            spectra_db=spectra_db,
        )

    def _add_second(self, second: Tensor) -> None:
        density = long_term_power(second, self.sample_rate).mean(0)
        self._density = density if self._density is None else self._density + density
        levels = power_to_db(third_octave_power_from_bins(density, self.sample_rate))
        self._spectra.push(levels[:, None])


def measure(blocks: Iterable[Tensor], sample_rate: int) -> Measurements:
    """Measure a song given as blocks [C, n]."""
    meter = SongMeter(sample_rate)
    for block in blocks:
        meter.push(block)
    return meter.read()


def _db(ratio: float) -> float:
    return 20 * math.log10(max(ratio, 10 ** (SILENCE_DB / 20)))


def _width_db(mid: float, side: float) -> float:
    """Side over mid, within ±60 dB, as `dsp.levels.width_db`."""
    floor = 10 ** (SILENCE_DB / 10)
    ratio_db = 10 * math.log10(max(side, floor) / max(mid, floor))
    return min(max(ratio_db, -WIDTH_LIMIT_DB), WIDTH_LIMIT_DB)
