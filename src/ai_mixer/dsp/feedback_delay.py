"""Feedback delay of any length between samples, differentiable in all settings.

y[n] = (1 − p) r[n] + p y[n−1] with r = v delayed by D samples and v = x + f·y: a comb filter with a
first-order low-pass in its loop. Between samples v is interpolated by the cubic of Catmull and Rom
(Keys, "Cubic convolution interpolation", 1981): its gain is at most 1, so the loop is stable for
|f| < 1, and its derivative to D is continuous.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.one_pole import one_pole
from ai_mixer.dsp.operators import empty_like, gradient_by_vjp, operator
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS, as_rows, run_on_rows
from ai_mixer.utils.compilation import njit


def feedback_delay(x: Tensor, settings: Tensor) -> Tensor:
    """The delayed signal only. x: [B, C, T]; settings: [B, 3] float64: D ≥ 2, f, p.

    Returns [B, C, T] in x's dtype. Exact derivatives of any order.
    """
    y: Tensor = _feedback_delay(x, settings)
    return y


@operator(empty_like(0), n_batched=2)
def _feedback_delay(x: Tensor, settings: Tensor) -> Tensor:
    rows = as_rows(x)
    out = np.empty_like(rows)
    run_on_rows(_forward_rows, rows, setting_rows(settings, x.shape[1]).numpy(), out)
    return torch.from_numpy(out).view(x.shape).to(x)


@operator(empty_like(1, 2), n_batched=4)
def _feedback_delay_backward(
    grad: Tensor, x: Tensor, settings: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """Backwards in time: ∂x = ∂v = ∂r interpolated at n + D, and ∂y[n] + f ∂v[n] is filtered."""
    rows = as_rows(grad)
    grad_x, grad_r = np.empty_like(rows), np.empty(rows.shape)
    grad_settings = np.zeros((len(rows), 3))
    arrays = (rows, as_rows(x), as_rows(y), setting_rows(settings, x.shape[1]).numpy())
    run_on_rows(_backward_rows, *arrays, grad_r, grad_x, grad_settings)
    by_song = torch.from_numpy(grad_settings).view(*x.shape[:2], 3).sum(1)
    return torch.from_numpy(grad_x).view(x.shape).to(x), by_song.to(settings)


def setting_rows(settings: Tensor, channels: int) -> Tensor:
    """Settings per row, [B·C, 3] float64."""
    return settings.detach().double().repeat_interleave(channels, dim=0)


def _gradient(grad: Tensor, x: Tensor, settings: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of differentiable operations; the filter itself, backwards, gives that of x."""
    delay, feedback, pole = settings.double()[:, :, None, None].unbind(1)
    grad_v = _feedback_delay(grad.flip(-1), settings).flip(-1)
    total = (grad + feedback * grad_v).double().flatten(0, 1)
    poles = pole.expand(x.shape).flatten(0, 1)
    grad_y = one_pole(total.flip(-1), poles).flip(-1).view(x.shape)
    v, whole = (x + feedback * y).double(), delay.detach().floor()
    first = torch.arange(x.shape[-1], device=x.device) - whole + 1
    taps = torch.stack([_at(v, first - k) for k in range(4)], dim=-1)
    weights, slopes = _weights(delay - whole)
    grad_delay = (1.0 - pole) * grad_y * (taps * slopes).sum(-1)
    before = pad(y, (1, 0))[..., :-1]
    grad_pole = grad_y * (before - (taps * weights).sum(-1))
    products = torch.stack([grad_delay, grad_v * y, grad_pole], dim=1)
    return grad_v.to(x), products.sum((2, 3)).to(settings)


def _at(v: Tensor, index: Tensor) -> Tensor:
    """Samples of v, [B, C, T], at an index [B, 1, T]; 0 before the first one."""
    samples = v.gather(-1, index.clamp_min(0).long().expand(v.shape))
    return torch.where(index >= 0, samples, 0.0)


def _weights(t: Tensor) -> tuple[Tensor, Tensor]:
    """`cubic_weights` and their derivatives, […, 4]."""
    one = torch.ones_like(t)
    powers, slopes = (
        torch.stack(p, dim=-1) for p in ([one, t, t**2, t**3], [0 * one, one, 2 * t, 3 * t**2])
    )
    matrix = t.new_tensor(
        [
            [0.0, 1.0, 0.0, 0.0],
            [-0.5, 0.0, 0.5, 0.0],
            [1.0, -2.5, 2.0, -0.5],
            [-0.5, 1.5, -1.5, 0.5],
        ]
    )
    return powers @ matrix, slopes @ matrix


_feedback_delay.register_gradient(
    lambda saved, _, grad: _feedback_delay_backward(grad, *saved),
    save=lambda inputs, outputs: (*inputs, *outputs),
)
_feedback_delay_backward.register_gradient(
    gradient_by_vjp(_gradient, 4), save=lambda inputs, _: inputs, n_differentiable=2
)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def cubic_weights(t):  # type: ignore[no-untyped-def]
    """Weights of the samples at the delays d − 1, d, d + 1, d + 2 for the delay d + t."""
    return (
        t * (-0.5 + t * (1.0 - 0.5 * t)),
        1.0 + t * t * (-2.5 + 1.5 * t),
        t * (0.5 + t * (2.0 - 1.5 * t)),
        t * t * (-0.5 + 0.5 * t),
    )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _tap(x, y, feedback, n):  # type: ignore[no-untyped-def]
    return x[n] + feedback * y[n] if n >= 0 else 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def feedback_delay_row(x, settings, y):  # type: ignore[no-untyped-def]
    """`feedback_delay` of one row."""
    whole, feedback, pole = int(settings[0]), settings[1], settings[2]
    w0, w1, w2, w3 = cubic_weights(settings[0] - whole)
    last = 0.0
    v0 = v1 = v2 = 0.0  # delayed by d, d + 1 and d + 2
    for n in range(x.shape[0]):
        ahead = _tap(x, y, feedback, n - whole + 1)
        delayed = w0 * ahead + w1 * v0 + w2 * v1 + w3 * v2
        v2, v1, v0 = v1, v0, ahead
        last = pole * last + (1.0 - pole) * delayed
        if abs(last) < DENORMAL_LIMIT:
            last = 0.0
        y[n] = last


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def feedback_delay_backward_row(grad, x, y, settings, grad_r, grad_x, grad_settings):  # type: ignore[no-untyped-def]
    """Gradient of one row. grad_r: work space, [T] float64."""
    whole, feedback, pole = int(settings[0]), settings[1], settings[2]
    t, length = settings[0] - whole, x.shape[0]
    w0, w1, w2, w3 = cubic_weights(t)
    s0, s1 = -0.5 + t * (2.0 - 1.5 * t), t * (-5.0 + 4.5 * t)
    s2, s3 = 0.5 + t * (4.0 - 4.5 * t), t * (-1.0 + 1.5 * t)
    by_delay = by_feedback = by_pole = carried = 0.0
    r0 = r1 = r2 = 0.0  # ∂r at n + d, n + d + 1 and n + d + 2
    for n in range(length - 1, -1, -1):
        ahead = grad_r[n + whole - 1] if n + whole - 1 < length else 0.0
        grad_v = w0 * ahead + w1 * r0 + w2 * r1 + w3 * r2
        r2, r1, r0 = r1, r0, ahead
        adjoint = grad[n] + feedback * grad_v + carried
        carried = pole * adjoint
        if abs(carried) < DENORMAL_LIMIT:
            carried = 0.0
        grad_r[n], grad_x[n] = (1.0 - pole) * adjoint, grad_v
        v0, v1 = _tap(x, y, feedback, n - whole + 1), _tap(x, y, feedback, n - whole)
        v2, v3 = _tap(x, y, feedback, n - whole - 1), _tap(x, y, feedback, n - whole - 2)
        by_delay += (1.0 - pole) * adjoint * (s0 * v0 + s1 * v1 + s2 * v2 + s3 * v3)
        by_feedback += grad_v * y[n]
        before = y[n - 1] if n > 0 else 0.0
        by_pole += adjoint * (before - (w0 * v0 + w1 * v1 + w2 * v2 + w3 * v3))
    grad_settings[0], grad_settings[1], grad_settings[2] = by_delay, by_feedback, by_pole


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _forward_rows(x, settings, y):  # type: ignore[no-untyped-def]
    for row in range(x.shape[0]):
        feedback_delay_row(x[row], settings[row], y[row])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _backward_rows(grad, x, y, settings, grad_r, grad_x, grad_settings):  # type: ignore[no-untyped-def]
    for row in range(x.shape[0]):
        feedback_delay_backward_row(
            grad[row], x[row], y[row], settings[row], grad_r[row], grad_x[row], grad_settings[row]
        )
