"""Saturation: soft clipping with a balance of odd and even harmonics, four times oversampled."""

from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from ai_mixer.dsp.filters import Biquad
from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.recursions import Array, biquad
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.dsp.streaming_saturation import DELAY_SAMPLES, HALF, OVERSAMPLE, TAPS, dc_pole
from ai_mixer.effects.effect import Effect

CUT_OFF = 0.48  # of the filters, relative to the sample rate
KAISER_BETA = 9.0  # −90 dB from 0.56 of the sample rate on: what is above is folded back
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
        with torch.autocast(x.device.type, enabled=False):  # no half precision
            u = self._interpolate(pad(x, (2 * DELAY_SAMPLES, DELAY_SAMPLES)))
            z = 1.0 + k * u.square()
            odd, even_part = u * (z.rsqrt() - 1.0), 0.5 * (z - 1.0) / z
            difference = self._decimate(odd + e * (even_part - odd))
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
    def _interpolate(x: Tensor) -> Tensor:
        """[B, C, T + 2 · HALF] → phases [B, C, 4, T]."""
        weight = torch.from_numpy(interpolator()).to(x)[:, None]
        phases = conv1d(x.flatten(0, 1)[:, None], weight)
        return phases.view(*x.shape[:2], *phases.shape[1:])

    @staticmethod
    def _decimate(phases: Tensor) -> Tensor:
        """[B, C, 4, T + 2 · HALF] → [B, C, T]."""
        weight = torch.from_numpy(interpolator()[:, ::-1].copy() / OVERSAMPLE).to(phases)[None]
        samples = conv1d(phases.flatten(0, 1), weight)
        return samples.view(*phases.shape[:2], -1)

    @staticmethod
    def _dc_filter(batch: int, sample_rate: int, device: torch.device) -> Biquad:
        # The function itself: torch.export and torch.compile cannot call a compiled one.
        pole = getattr(dc_pole, "py_func", dc_pole)(float(sample_rate))
        scale = 0.5 * (1.0 + pole)
        rows = torch.tensor(
            [[scale, -scale, 0.0], [1.0, -pole, 0.0]], dtype=torch.float64, device=device
        )
        return Biquad(*rows[:, None].expand(2, batch, 3))


@lru_cache(maxsize=1)
def interpolator() -> Array:
    """Taps of the phases [4, 37], a windowed sinc: phase p is p quarters of a sample later."""
    n = np.arange(OVERSAMPLE * TAPS) - OVERSAMPLE * HALF
    taps = np.sinc(2 * CUT_OFF / OVERSAMPLE * n)
    taps[: 2 * OVERSAMPLE * HALF + 1] *= np.kaiser(2 * OVERSAMPLE * HALF + 1, KAISER_BETA)
    taps[2 * OVERSAMPLE * HALF + 1 :] = 0.0
    phases = (OVERSAMPLE * taps / taps.sum()).reshape(TAPS, OVERSAMPLE).T
    return np.ascontiguousarray(phases[:, ::-1])
