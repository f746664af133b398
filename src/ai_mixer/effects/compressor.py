"""Feed-forward compressor with a soft knee, differentiable and invertible.

Static curve and ballistics: Giannoulis, Massberg & Reiss, "Digital Dynamic Range Compressor
Design", JAES 60(6), 2012, eqs. 4 and 16 (the smoothing is of the gain in dB, as its section 2.3
advises).
"""

import math
from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.compressor import StaticCurve, compress, compressor_gain_db
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.inverse_compressor import invert_compressor
from ai_mixer.dsp.operators import holds
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.effect import Effect

# The ratio can be determined only from reductions between AUDIBLE_DB and AUDIBLE_DB below the cap:
# at the cap the compressor is a constant gain. This has to hold for AUDIBLE_SHARE of the time.
AUDIBLE_DB = 1.0
AUDIBLE_SHARE = 0.1


class Compressor(Effect):
    """Reduce levels above a threshold: y[n] = x[n] · 10^(g[n]/20), g ≤ 0.

    The detector uses the loudest channel, so the stereo image is unchanged. Knob `ratio`: input dB
    per output dB above the threshold, at least 1; 1 is neutral. attack_ms, release_ms: time to 63 %
    of a step of the gain in dB. max_reduction_db: cap of the static curve. ValueError for a time,
    knee or cap that is not above 0, or a threshold below the range of the detector.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("ratio",)

    def __init__(
        self,
        threshold_db: float = -18.0,
        attack_ms: float = 10.0,
        release_ms: float = 100.0,
        knee_db: float = 6.0,
        max_reduction_db: float = 9.0,
    ) -> None:
        super().__init__()
        for name, value in {
            "attack_ms": attack_ms,
            "release_ms": release_ms,
            "knee_db": knee_db,
            "max_reduction_db": max_reduction_db,
        }.items():
            if value <= 0.0:
                raise ValueError(f"{name}: needs a value above 0, got {value}: try 0.01")
        if threshold_db - knee_db / 2.0 - max_reduction_db <= SILENCE_DB:
            raise ValueError(f"threshold_db: {threshold_db} is below the range of the detector")
        self.threshold_db, self.max_reduction_db = threshold_db, max_reduction_db
        self.curve = StaticCurve(threshold_db, knee_db, max_reduction_db)
        self.attack_ms, self.release_ms = attack_ms, release_ms

    def forward(self, x: Tensor, sample_rate: int, *, ratio: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; ratio: [B], at least 1. Returns [B, C, T]."""
        if self.is_idle(ratio) and not ratio.requires_grad:
            return x
        return compress(x, self._slope(ratio), self._poles(sample_rate), self.curve)

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        constants = (self.attack_ms, self.release_ms, *self.curve)
        return StreamingKernel(KernelKind.COMPRESS, Formula.SLOPE, ("ratio",), constants)

    def dynamics_settings(self, sample_rate: int, *, ratio: Tensor) -> tuple[Tensor, Tensor]:
        """Settings of `apply_dynamics`, [B, 6] float64, and the make-up as a ratio, [B]: 1."""
        slope = self._slope(ratio)
        constants = slope.new_tensor([*self._poles(sample_rate), *self.curve])
        settings = torch.cat([slope[:, None], constants.expand(len(slope), -1)], dim=1)
        return settings, torch.ones_like(slope)

    def invert(self, y: Tensor, sample_rate: int, *, ratio: Tensor) -> Tensor:  # type: ignore[override]
        """Return the input for which `forward` gives y."""
        if self.is_idle(ratio):
            return y
        return invert_compressor(y, self._slope(ratio), self._poles(sample_rate), self.curve)

    def gain_reduction_db(self, x: Tensor, sample_rate: int, ratio: Tensor) -> Tensor:
        """Gain reduction: [B, T] float64, 0 dB to max_reduction_db. No gradient."""
        return -compressor_gain_db(x, self._slope(ratio), self._poles(sample_rate), self.curve)

    def audible(self, x: Tensor, sample_rate: int, *, ratio: Tensor) -> Tensor:  # type: ignore[override]
        """True if the reduction is 1 dB or more from 0 and from its cap for a tenth of the time."""
        if self.is_idle(ratio):
            return torch.zeros(x.shape[0], dtype=torch.bool, device=x.device)
        reduction_db = self.gain_reduction_db(x, sample_rate, ratio)
        highest_db = self.max_reduction_db - AUDIBLE_DB
        between = (reduction_db >= AUDIBLE_DB) & (reduction_db <= highest_db)
        return between.double().mean(dim=-1) >= AUDIBLE_SHARE

    @staticmethod
    def is_idle(ratio: Tensor) -> bool:
        """Whether all ratios are known to be 1, which is the identity for any input."""
        return holds((ratio == 1.0).all())

    @staticmethod
    def _slope(ratio: Tensor) -> Tensor:
        """Reduction per dB over the threshold."""
        return 1.0 - 1.0 / ratio.double()

    def _poles(self, sample_rate: int) -> tuple[float, float]:
        """Attack and release coefficients α = e^(−1 / (τ · rate))."""
        attack, release = (
            math.exp(-1000.0 / (time_ms * sample_rate))
            for time_ms in (self.attack_ms, self.release_ms)
        )
        return attack, release
