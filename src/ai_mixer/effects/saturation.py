"""Saturation: soft clipping with a balance of odd and even harmonics, four times oversampled."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.filters import Biquad
from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.oversampling import decimate, interpolate, interpolator
from ai_mixer.dsp.recursions import biquad
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.dsp.streaming_saturation import DELAY_SAMPLES, dc_pole
from ai_mixer.effects.effect import Effect

AUDIBLE_DRIVE_DB = 0.5


class Saturation(Effect):
    """y = x + D(c(u) − u), u = U(x): only what the curve adds passes through the filters.

    U and D: interpolation to four times the rate and back, with symmetric filters. The curve is
    c(u) = u + (1 − e) (u / √(1 + k u²) − u) + e k u² / (2 (1 + k u²)) with k = 10^(drive_db/10) − 1
    and e = even; the slope at 0 is 1. DC of the even part is removed by a high-pass at 5 Hz.

    Knobs, [B] each, with gradients: drive_db: dB, at least 0; 0 is neutral. even: share of the even
    harmonics, 0–1. The effect looks ahead by 36 samples, and streams are delayed by as many. No
    inverse.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("drive_db", "even")
    shape_knobs: ClassVar[tuple[str, ...]] = ("even",)
    look_ahead_samples: ClassVar[int] = DELAY_SAMPLES

    def forward(  # type: ignore[override]
        self, x: Tensor, sample_rate: int, *, drive_db: Tensor, even: Tensor
    ) -> Tensor:
        """x: [B, C, T]; knobs: [B]. Returns [B, C, T]."""
        drive, share = evaluate(Formula.SATURATION, (drive_db, even), sample_rate)
        k, e = (value.to(x.dtype)[:, None, None, None] for value in (drive, share))
        u = interpolate(pad(x, (2 * DELAY_SAMPLES, DELAY_SAMPLES)))
        z = 1.0 + k * u.square()
        odd, even_part = u * (z.rsqrt() - 1.0), 0.5 - 0.5 / z
        difference = decimate(torch.lerp(odd, even_part, e))
        b, a = self._dc_filter(len(x), sample_rate, x.device)
        return x + biquad(difference, b, a)[..., DELAY_SAMPLES:]

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        taps = tuple(map(float, interpolator().ravel()))
        return StreamingKernel(KernelKind.SATURATE, Formula.SATURATION, self.knob_names, taps)

    def audible_knobs(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> dict[str, Tensor]:
        """The balance is inaudible below 0.5 dB of drive, [B] bool each."""
        audible = super().audible_knobs(x, sample_rate, **knobs)
        return audible | {"even": audible["even"] & (knobs["drive_db"] >= AUDIBLE_DRIVE_DB)}

    @staticmethod
    def _dc_filter(batch: int, sample_rate: int, device: torch.device) -> Biquad:
        # The function itself: torch.export and torch.compile cannot call a compiled one.
        pole = getattr(dc_pole, "py_func", dc_pole)(float(sample_rate))
        scale = 0.5 * (1.0 + pole)
        rows = torch.tensor(
            [[scale, -scale, 0.0], [1.0, -pole, 0.0]], dtype=torch.float64, device=device
        )
        return Biquad(*rows[:, None].expand(2, batch, 3))
