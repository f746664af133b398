"""Interpolation to four times the sample rate and back, with symmetric filters.

Both are linear, and each one is the gradient of the other, so derivatives of any order are exact.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.operators import operator
from ai_mixer.dsp.recursions import FASTMATH_FLAGS, Array, as_rows, run_on_rows
from ai_mixer.dsp.streaming_saturation import DELAY_SAMPLES, HALF, OVERSAMPLE, TAPS, add_filtered
from ai_mixer.utils.compilation import njit

CUT_OFF = 0.48  # of the filters, relative to the sample rate
KAISER_BETA = 9.0  # −90 dB from 0.56 of the sample rate on: what is above is folded back
BLOCK_SAMPLES = 512  # processed together: few enough for the L1 cache


@lru_cache(maxsize=1)
def interpolator() -> Array:
    """Taps of the phases [4, 37], a windowed sinc: phase p is p quarters of a sample later."""
    n = np.arange(OVERSAMPLE * TAPS) - OVERSAMPLE * HALF
    taps = np.sinc(2 * CUT_OFF / OVERSAMPLE * n)
    taps[: 2 * OVERSAMPLE * HALF + 1] *= np.kaiser(2 * OVERSAMPLE * HALF + 1, KAISER_BETA)
    taps[2 * OVERSAMPLE * HALF + 1 :] = 0.0
    phases = (OVERSAMPLE * taps / taps.sum()).reshape(TAPS, OVERSAMPLE).T
    return np.ascontiguousarray(phases[:, ::-1])


def interpolate(x: Tensor) -> Tensor:
    """Phases [B, C, 4, T] of x, [B, C, T + 36], at the samples from the 19th on."""
    phases: Tensor = _interpolate(x)
    return phases


def decimate(phases: Tensor) -> Tensor:
    """Low-pass and decimate phases [B, C, 4, T + 36] to [B, C, T]."""
    x: Tensor = _decimate(phases)
    return x


def _fake_interpolate(x: Tensor) -> Tensor:
    return x.new_empty(*x.shape[:-1], OVERSAMPLE, x.shape[-1] - DELAY_SAMPLES)


def _fake_decimate(phases: Tensor) -> Tensor:
    return phases.new_empty(*phases.shape[:-2], phases.shape[-1] - DELAY_SAMPLES)


@operator(_fake_interpolate)
def _interpolate(x: Tensor) -> Tensor:
    rows = as_rows(x)
    taps = interpolator().astype(rows.dtype)
    out = np.zeros((len(rows), OVERSAMPLE, rows.shape[1] - DELAY_SAMPLES), rows.dtype)
    run_on_rows(lambda x, y: _interpolate_rows(x, taps, y), rows, out)
    return torch.from_numpy(out).view(*x.shape[:-1], *out.shape[1:]).to(x)


@operator(_fake_decimate)
def _decimate(phases: Tensor) -> Tensor:
    rows = as_rows(phases)
    rows = rows.reshape(-1, OVERSAMPLE, rows.shape[-1])
    taps = (interpolator()[:, ::-1] / OVERSAMPLE).astype(rows.dtype)
    out = np.zeros((len(rows), rows.shape[-1] - DELAY_SAMPLES), rows.dtype)
    run_on_rows(lambda x, y: _decimate_rows(x, taps, y), rows, out)
    return torch.from_numpy(out).view(*phases.shape[:-2], -1).to(phases)


def _gradient_of_interpolate(_: Sequence[Tensor], __: Sequence[Any], grad: Tensor) -> list[Tensor]:
    return [OVERSAMPLE * decimate(pad(grad, (DELAY_SAMPLES, DELAY_SAMPLES)))]


def _gradient_of_decimate(_: Sequence[Tensor], __: Sequence[Any], grad: Tensor) -> list[Tensor]:
    return [interpolate(pad(grad, (DELAY_SAMPLES, DELAY_SAMPLES))) / OVERSAMPLE]


_interpolate.register_gradient(_gradient_of_interpolate, save=lambda *_: ())
_decimate.register_gradient(_gradient_of_decimate, save=lambda *_: ())


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _interpolate_rows(x, taps, y):  # type: ignore[no-untyped-def]
    """Rows x [R, T + 36] → y [R, 4, T], zero before."""
    for row in range(len(x)):
        for start in range(0, y.shape[2], BLOCK_SAMPLES):
            for phase in range(OVERSAMPLE):
                out = y[row, phase, start : start + BLOCK_SAMPLES]
                for k in range(TAPS):
                    add_filtered(x[row, start + k :], taps[phase, k], out)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _decimate_rows(x, taps, y):  # type: ignore[no-untyped-def]
    """Rows x [R, 4, T + 36] → y [R, T], zero before."""
    for row in range(len(x)):
        for start in range(0, y.shape[1], BLOCK_SAMPLES):
            out = y[row, start : start + BLOCK_SAMPLES]
            for phase in range(OVERSAMPLE):
                for k in range(TAPS):
                    add_filtered(x[row, phase, start + k :], taps[phase, k], out)
