"""Compressor whose settings are all knobs."""

from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.dynamics import dynamics_gain_db, invert_dynamics
from ai_mixer.dsp.dynamics_output import apply_dynamics
from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.compressor import AUDIBLE_DB, AUDIBLE_SHARE
from ai_mixer.effects.effect import Effect


class Dynamics(Effect):
    """Reduce levels above a threshold: y[n] = x[n] · 10^((g[n] + makeup_db)/20), g ≤ 0.

    The recursion of `Compressor`, with one gain for all channels. Knobs, [B] each, with gradients:

    threshold_db: dBFS, centre of the knee. ratio: input dB per output dB above the threshold, at
    least 1. attack_ms, release_ms: time to 63 % of a step of the gain in dB, above 0. knee_db:
    width of the quadratic part of the curve, above 0. makeup_db: dB. Neutral: ratio 1 and
    makeup_db 0.

    max_reduction_db: cap of the static curve, which bounds the inverse. ValueError if it is not
    above 0.
    """

    knob_names: ClassVar[tuple[str, ...]] = (
        "threshold_db",
        "ratio",
        "attack_ms",
        "release_ms",
        "knee_db",
        "makeup_db",
    )
    shape_knobs: ClassVar[tuple[str, ...]] = ("threshold_db", "attack_ms", "release_ms", "knee_db")

    def __init__(self, max_reduction_db: float = 24.0) -> None:
        super().__init__()
        if not 0.0 < max_reduction_db < -SILENCE_DB / 2:
            raise ValueError(f"max_reduction_db: needs a value of 0–60, got {max_reduction_db}")
        self.max_reduction_db = max_reduction_db

    def forward(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """x: [B, C, T]; knobs: [B]. Returns [B, C, T]."""
        settings, makeup = self.dynamics_settings(sample_rate, **knobs)
        return apply_dynamics(x, settings, makeup[:, None].expand(x.shape[:2]))

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        constants = (self.max_reduction_db,)
        return StreamingKernel(KernelKind.DYNAMICS, Formula.DYNAMICS, self.knob_names, constants)

    def invert(self, y: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """Return the input for which `forward` gives y."""
        settings, makeup = self.dynamics_settings(sample_rate, **knobs)
        return invert_dynamics(y / makeup.to(y.dtype)[:, None, None], settings)

    def gain_reduction_db(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """Gain reduction without make-up: [B, T] float64, 0 dB to max_reduction_db."""
        return -dynamics_gain_db(x, self.dynamics_settings(sample_rate, **knobs)[0])

    def audible(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """True if the reduction is 1 dB or more from 0 and from its cap for a tenth of the time."""
        reduction_db = self.gain_reduction_db(x, sample_rate, **knobs)
        highest_db = self.max_reduction_db - AUDIBLE_DB
        between = (reduction_db >= AUDIBLE_DB) & (reduction_db <= highest_db)
        return between.double().mean(dim=-1) >= AUDIBLE_SHARE

    def audible_knobs(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> dict[str, Tensor]:
        """As `audible`; the make-up is always audible. [B] bool each."""
        audible = super().audible_knobs(x, sample_rate, **knobs)
        return audible | {"makeup_db": torch.ones_like(audible["makeup_db"])}

    def dynamics_settings(self, sample_rate: int, **knobs: Tensor) -> tuple[Tensor, Tensor]:
        """Settings of `apply_dynamics`, [B, 6], and the make-up as a ratio, [B]."""
        arguments = [knobs[name] for name in self.knob_names]
        *settings, makeup = evaluate(Formula.DYNAMICS, arguments, sample_rate)
        cap = torch.full_like(makeup, self.max_reduction_db)
        return torch.stack([*settings, cap], dim=1), makeup
