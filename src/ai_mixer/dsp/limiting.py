"""Limiting of whole signals on the CPU with a hand-written gradient.

The stages are `dsp.required_gain` and `dsp.lookahead`. As one operator, the gains between them need
not be cut, padded and kept.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.lookahead import (
    Ballistics,
    _lookahead_gain,
    _lookahead_gain_backward,
    lookahead_gain_db,
)
from ai_mixer.dsp.operators import empty_like, operator, vjp
from ai_mixer.dsp.peak_gradient import add_peak_gradient
from ai_mixer.dsp.peak_levels import add_gain_gradient, ratio_of_gain_db, to_array
from ai_mixer.dsp.recursions import as_rows, run_on_rows
from ai_mixer.dsp.required_gain import (
    CONTEXT_SAMPLES,
    peak_filters,
    required_gain_db,
)
from ai_mixer.utils.compilation import njit

MARGIN_SAMPLES = 2 * CONTEXT_SAMPLES  # ringing beyond the ends counts


def needed_gain_db(x: Tensor, threshold: float, target: float, oversample: int) -> Tensor:
    """`required_gain_db` of x [B, C, T] between silence: [B, T + 2 · CONTEXT_SAMPLES]."""
    return required_gain_db(x, threshold, target, oversample, margin=MARGIN_SAMPLES)


def limit_by_operations(x: Tensor, needed_db: Tensor, ballistics: Ballistics) -> Tensor:
    """Limit x with a needed gain: differentiable operations, on any device."""
    gain_db = lookahead_gain_db(needed_db, ballistics)[:, CONTEXT_SAMPLES:-CONTEXT_SAMPLES]
    return x * db_to_ratio(gain_db[:, None].to(x))


def limit(
    x: Tensor,
    needed_db: Tensor,
    threshold: float,
    target: float,
    oversample: int,
    ballistics: Ballistics,
) -> Tensor:
    """Limit x on the CPU with `needed_gain_db(x, threshold, target, oversample)`.

    x: [B, C, T]. Returns [B, C, T]. Exact derivatives of any order to x, those of the needed gain
    included.
    """
    constants = (threshold, target, oversample, *ballistics)
    y: Tensor = _limit(x, needed_db.detach(), *constants)[0]
    return y


def _fake_limit(x: Tensor, needed: Tensor, *constants: Any) -> tuple[Tensor, ...]:
    latency = Ballistics(*constants[3:]).latency
    late = needed.new_empty(len(needed), needed.shape[1] + latency)
    return (
        x.new_empty(x.shape),
        x.new_empty(x[:, 0].shape),
        torch.empty_like(late, dtype=torch.int64),
        late.new_empty(len(late), 2, late.shape[1], dtype=torch.int8),
    )


@operator(_fake_limit, n_batched=2)
def _limit(
    x: Tensor,
    needed_db: Tensor,
    threshold: float,
    target: float,
    oversample: int,
    ramp: int,
    guard: int,
    release: float,
    memory: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns y, and for the gradient: gain as a ratio, origins and choices of the look-ahead."""
    ballistics = Ballistics(ramp, guard, release, memory)
    late = pad(needed_db.double(), (0, ballistics.latency))
    gain_db, origins, choices = _lookahead_gain.kernel(late, *ballistics)
    inner = gain_db.numpy()[:, ballistics.latency + CONTEXT_SAMPLES : -CONTEXT_SAMPLES]
    ratio = ratio_of_gain_db(np.ascontiguousarray(inner), x.dtype)
    return x * ratio[:, None], ratio, origins, choices


@operator(empty_like(1), n_batched=6)
def _limit_backward(
    grad: Tensor,
    x: Tensor,
    needed_db: Tensor,
    ratio: Tensor,
    origins: Tensor,
    choices: Tensor,
    threshold: float,
    target: float,
    oversample: int,
    ramp: int,
    guard: int,
    release: float,
    memory: float,
) -> Tensor:
    """Gradient of the product, and of the gain through both stages."""
    ballistics = Ballistics(ramp, guard, release, memory)
    grad_gain = torch.zeros(origins.shape, dtype=torch.float64)
    audio, first = to_array(x), ballistics.latency + CONTEXT_SAMPLES
    grad_x = np.empty_like(audio)
    arrays = (to_array(grad), audio, as_rows(ratio), grad_gain.numpy(), grad_x)
    run_on_rows(lambda *rows: _product_gradient_rows(*rows, first), *arrays)
    grad_needed = _lookahead_gain_backward.kernel(grad_gain, origins, choices, *ballistics)
    through_gain = as_rows(grad_needed[:, : needed_db.shape[1]]), as_rows(needed_db)
    filters = peak_filters(oversample, audio.dtype)
    add_peak_gradient(*through_gain, audio, grad_x, filters, MARGIN_SAMPLES)
    return torch.from_numpy(grad_x).to(x)


def _gradient(
    saved: Sequence[Tensor], constants: Sequence[Any], grad: Tensor
) -> tuple[Tensor, ...]:
    """Gradient of `limit` of differentiable operations, to ∂y and x."""

    def gradient(grad: Tensor, x: Tensor) -> Tensor:
        def limited(x: Tensor) -> Tensor:
            needed_db = needed_gain_db(x, *constants[:3])
            return limit_by_operations(x, needed_db, Ballistics(*constants[3:]))

        return vjp(limited, (x,), grad)[0]

    return vjp(gradient, saved[:2], grad)


_limit.register_gradient(
    lambda saved, constants, grad: (_limit_backward(grad, *saved, *constants),),
    save=lambda inputs, outputs: (*inputs[:2], *outputs[1:]),
)
_limit_backward.register_gradient(_gradient, save=lambda inputs, _: inputs[:2])


@njit(cache=True, nogil=True)
def _product_gradient_rows(grad, x, ratio, grad_gain, grad_x, first):  # type: ignore[no-untyped-def]
    """Gradient of x · ratio: to x, and to the gain in dB, which begins `first` samples earlier."""
    for song in range(len(x)):
        for channel in range(x.shape[1]):
            gradient, out, gains = grad[song, channel], grad_x[song, channel], ratio[song]
            add_gain_gradient(gradient, x[song, channel], gains, grad_gain[song][first:])
            for n in range(len(out)):
                out[n] = gradient[n] * gains[n]
