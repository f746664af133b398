"""Compressor in three bands."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.crossover import Butterworth
from ai_mixer.dsp.dynamics import dynamics_gain_db
from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.peak_levels import NEPERS_PER_DB
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.compressor import AUDIBLE_DB, AUDIBLE_SHARE
from ai_mixer.effects.effect import Effect

BANDS = ("low", "mid", "high")


class Multiband(Effect):
    """Compress three bands: the level of each one sets the gain of its part of the spectrum.

    Linkwitz–Riley crossovers of fourth order give the bands that are measured. Their gains are
    applied by two Butterworth shelves at the crossovers and one gain for all: y = g_mid · H_high ·
    H_low · x with shelves of g_low / g_mid and g_high / g_mid. So equal gains of all bands are that
    gain, exactly and without a change of phase, and neutral is the identity (decision 0054). One
    gain for all channels. No inverse.

    Knobs, [B] each, with gradients: <band>_threshold_db: dBFS of the band, centre of the knee;
    <band>_ratio: input dB per output dB, at least 1; 1 is neutral. Constants: both crossovers,
    attack and release of each band, knee and largest reduction. ValueError if one of them is not
    above 0, or the crossovers are not in order.
    """

    knob_names: ClassVar[tuple[str, ...]] = tuple(
        f"{band}_{name}" for band in BANDS for name in ("threshold_db", "ratio")
    )
    shape_knobs: ClassVar[tuple[str, ...]] = knob_names[::2]

    def __init__(
        self,
        crossovers_hz: tuple[float, float] = (160.0, 2500.0),
        attack_ms: tuple[float, float, float] = (30.0, 15.0, 5.0),
        release_ms: tuple[float, float, float] = (250.0, 150.0, 80.0),
        knee_db: float = 6.0,
        max_reduction_db: float = 24.0,
    ) -> None:
        super().__init__()
        times = [time for pair in zip(attack_ms, release_ms, strict=True) for time in pair]
        self.constants = (*map(float, crossovers_hz), *times, knee_db, max_reduction_db)
        if min(self.constants) <= 0.0 or crossovers_hz[0] >= crossovers_hz[1]:
            raise ValueError(
                "multiband: crossovers_hz in order, times, knee and reduction above 0, got "
                f"{list(crossovers_hz)}, {times}, {knee_db}, {max_reduction_db}"
            )
        self.crossovers_hz, self.max_reduction_db = crossovers_hz, max_reduction_db

    def forward(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """x: [B, C, T]; knobs: [B]. Returns [B, C, T]."""
        low, mid, high = (
            torch.exp(gain_db[:, None] * NEPERS_PER_DB)
            for gain_db in self.gains_db(x, sample_rate, **knobs)
        )
        lower, upper = (Butterworth(f, sample_rate) for f in self.crossovers_hz)
        y = lower.low_shelf(x, (low / mid).to(x.dtype))
        return upper.high_shelf(y, (high / mid).to(x.dtype)) * mid.to(x.dtype)

    def gains_db(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> list[Tensor]:
        """Gain of each band in dB: [B, T] float64, at most 0."""
        arguments = [knobs[name] for name in self.knob_names]
        curves = evaluate(Formula.BAND_DYNAMICS, arguments, sample_rate)
        return [
            dynamics_gain_db(band, self._settings(number, sample_rate, *curves[2 * number :][:2]))
            for number, band in enumerate(self.bands(x, sample_rate))
        ]

    def bands(self, x: Tensor, sample_rate: int) -> tuple[Tensor, Tensor, Tensor]:
        """Low, mid and high band, [B, C, T] each."""
        lower, upper = (Butterworth(f, sample_rate) for f in self.crossovers_hz)
        low, rest = lower.split(x)
        return low, *upper.split(rest)

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        formula = Formula.BAND_DYNAMICS
        return StreamingKernel(KernelKind.BAND_DYNAMICS, formula, self.knob_names, self.constants)

    def audible_knobs(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> dict[str, Tensor]:
        """A band is audible if it is reduced by 1 dB for a tenth of the time, [B] bool each."""
        audible: dict[str, Tensor] = {}
        for band, gain_db in zip(BANDS, self.gains_db(x, sample_rate, **knobs), strict=True):
            reduced = (gain_db <= -AUDIBLE_DB).double().mean(dim=-1) >= AUDIBLE_SHARE
            audible |= {f"{band}_threshold_db": reduced, f"{band}_ratio": reduced}
        return audible

    def _settings(
        self, number: int, sample_rate: int, slope: Tensor, threshold_db: Tensor
    ) -> Tensor:
        """Settings of `dynamics_gain_db`, [B, 6], of one band."""
        times_ms = self.constants[2 + 2 * number :][:2]
        poles = [math.exp(-1000.0 / (time_ms * sample_rate)) for time_ms in times_ms]
        attack, release, knee_db, cap_db = (
            torch.full_like(slope, value) for value in (*poles, *self.constants[-2:])
        )
        return torch.stack([slope, attack, release, threshold_db, knee_db, cap_db], dim=1)
