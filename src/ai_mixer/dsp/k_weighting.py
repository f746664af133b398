"""K-weighting of ITU-R BS.1770-4, Annex 1: a high shelf (effect of the head) and a high-pass.

For any sample rate, from the analogue filters behind the printed coefficients. On the CPU a
compiled kernel weights and sums in one pass in float64, with a hand-written gradient.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.operators import empty_like, gradient_by_vjp, operator, vjp
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, Array, as_rows, biquad, run_on_rows
from ai_mixer.utils.compilation import njit

TAIL_S = 0.2  # after it the 38 Hz high-pass has decayed by 400 dB

# Analogue prototypes of the 48 kHz coefficients in the standard.
SHELF_HZ, SHELF_Q = 1681.974450955533, 0.7071752369554196
SHELF_DB, SHELF_BAND = 3.99984385397, 0.4996667741545416  # exponent of the gain in the middle term
HIGH_PASS_HZ, HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
STANDARD_RATE_HZ = 48000
STATES_PER_ROW = 4  # of both filters

BiquadCoefficients = tuple[tuple[float, float, float], tuple[float, float, float]]


def k_weight(x: Tensor, sample_rate: int) -> Tensor:
    """Apply K-weighting: [..., T] → [..., T].

    The frequency response of the two recursive filters is applied to a Fourier transform that is
    padded for the tail, so the gradient costs one further transform.
    """
    from scipy.fft import next_fast_len  # its import takes 0.3 s and is not needed on the CPU

    length = x.shape[-1]
    n_fft = next_fast_len(length + math.ceil(TAIL_S * sample_rate), real=True)
    radians = torch.arange(n_fft // 2 + 1, device=x.device, dtype=torch.float64)
    delay = torch.exp(radians * (-2j * math.pi / n_fft))
    response = torch.ones_like(delay)
    for b, a in k_weighting(sample_rate):
        response = response * _polynomial(b, delay) / _polynomial(a, delay)
    spectrum = torch.fft.rfft(x, n_fft)
    return torch.fft.irfft(spectrum * response.to(spectrum.dtype), n_fft)[..., :length]


def k_weighting(sample_rate: int) -> tuple[BiquadCoefficients, BiquadCoefficients]:
    """Numerator and denominator of the two K-weighting filters at any rate above 3.4 kHz.

    Bilinear transform of the prototypes; at 48 kHz the coefficients of BS.1770-4 tables 1 and 2.
    The high-pass numerator of the standard, 1, −2, 1, has a passband gain of +0.04 dB: that gain is
    used at all rates (1, −2, 1 at 8 kHz would give 0.2 dB more). ValueError for a lower rate.
    """
    if sample_rate <= 2 * SHELF_HZ:
        raise ValueError(f"sample_rate {sample_rate} Hz is too low for K-weighting: use ≥ 8000 Hz")
    warped = math.tan(math.pi * SHELF_HZ / sample_rate)
    high = 10.0 ** (SHELF_DB / 20.0)
    band = high**SHELF_BAND
    norm = _norm(SHELF_HZ, SHELF_Q, sample_rate)
    shelf_b = (
        (high + band * warped / SHELF_Q + warped**2) / norm,
        2.0 * (warped**2 - high) / norm,
        (high - band * warped / SHELF_Q + warped**2) / norm,
    )
    high_pass = _norm(HIGH_PASS_HZ, HIGH_PASS_Q, STANDARD_RATE_HZ) / _norm(
        HIGH_PASS_HZ, HIGH_PASS_Q, sample_rate
    )
    high_pass_b = (high_pass, -2.0 * high_pass, high_pass)
    return (
        (shelf_b, _poles(SHELF_HZ, SHELF_Q, sample_rate)),
        (high_pass_b, _poles(HIGH_PASS_HZ, HIGH_PASS_Q, sample_rate)),
    )


def _poles(freq_hz: float, q: float, sample_rate: int) -> tuple[float, float, float]:
    warped = math.tan(math.pi * freq_hz / sample_rate)
    norm = _norm(freq_hz, q, sample_rate)
    return 1.0, 2.0 * (warped**2 - 1.0) / norm, (1.0 - warped / q + warped**2) / norm


def _norm(freq_hz: float, q: float, sample_rate: int) -> float:
    warped = math.tan(math.pi * freq_hz / sample_rate)
    return 1.0 + warped / q + warped**2


def _polynomial(coefficients: tuple[float, float, float], delay: Tensor) -> Tensor:
    c0, c1, c2 = coefficients
    return c0 + delay * (c1 + delay * c2)


def hop_energies(x: Tensor, sample_rate: int, hop: int) -> Tensor:
    """K-weighted energy of each hop, summed over loudspeakers: [B, C, T] → [B, T // hop].

    An incomplete last hop is left out. Mono is played by two loudspeakers: see `over_loudspeakers`.
    """
    energies = _hop_energies(x, _weights(k_weighting(sample_rate)).flatten().tolist(), hop)
    return over_loudspeakers(energies).to(x.dtype)


def over_loudspeakers(energies: Tensor) -> Tensor:
    """Sum over loudspeakers: [B, C, n] → [B, n]; one channel counts twice.

    A mono file is played by both loudspeakers, so it is as loud as the stereo file with the same
    signal on both channels (docs/decisions/0043).
    """
    return energies.sum(1) * (2 if energies.shape[1] == 1 else 1)


class HopEnergies:
    """`hop_energies` of a song in blocks; independent of the block sizes."""

    def __init__(self, sample_rate: int, hop: int) -> None:
        self.hop = hop
        self._weights = _weights(k_weighting(sample_rate))
        self._state: Array | None = None
        self._rest: Tensor | None = None  # samples of an incomplete hop

    def push(self, x: Tensor) -> Tensor:
        """Process a block, [B, C, n] on the CPU; return the energies of complete hops, [B, k]."""
        if self._rest is not None:
            x = torch.cat([self._rest, x], dim=-1)
        full = x.shape[-1] - x.shape[-1] % self.hop
        self._rest = x[..., full:]
        rows = as_rows(x[..., :full])
        if self._state is None:
            self._state = np.zeros((len(rows), STATES_PER_ROW))
        energies = np.zeros((len(rows), full // self.hop))
        hop, weights = self.hop, self._weights
        run_on_rows(lambda *three: _energy_rows(*three, weights, hop), rows, energies, self._state)
        return over_loudspeakers(torch.from_numpy(energies).view(*x.shape[:-1], -1))

    def remaining_energy(self) -> Tensor:
        """Return the energy of the incomplete last hop, [B], and end the song."""
        if self._rest is None or not self._rest.shape[-1]:
            return torch.zeros(1, dtype=torch.float64)
        last, self._rest = self._rest, None
        self.hop = last.shape[-1]
        return self.push(last)[:, 0]


@operator(lambda x, _, hop: x.new_empty(*x.shape[:2], x.shape[2] // hop, dtype=torch.float64))
def _hop_energies(x: Tensor, weights: Sequence[float], hop: int) -> Tensor:
    rows, filters = as_rows(x), np.array(weights).reshape(2, -1)
    energies = np.zeros((len(rows), rows.shape[1] // hop))
    arrays = (rows, energies, np.zeros((len(rows), STATES_PER_ROW)))
    run_on_rows(lambda *three: _energy_rows(*three, filters, hop), *arrays)
    return torch.from_numpy(energies).view(*x.shape[:2], -1)


@operator(empty_like(1), n_batched=2)
def _hop_energies_backward(grad: Tensor, x: Tensor, weights: Sequence[float], hop: int) -> Tensor:
    """∂y[n] = 2 y[n] ∂e with y the weighted x, then both filters backwards in time."""
    rows, filters = as_rows(x), np.array(weights).reshape(2, -1)
    grad_x = np.zeros_like(rows)
    arrays = (rows, as_rows(grad), grad_x)
    run_on_rows(lambda *three: _energy_backward_rows(*three, filters, hop), *arrays)
    return torch.from_numpy(grad_x).view(x.shape).to(x)


def differentiable_energies(x: Tensor, weights: Sequence[float], hop: int) -> Tensor:
    """`_hop_energies` of differentiable operations."""
    y = filter_twice(x.double(), weights)
    hops = y.shape[-1] // hop
    return y[..., : hops * hop].reshape(*y.shape[:-1], hops, hop).square().sum(-1)


def filter_twice(x: Tensor, weights: Sequence[float]) -> Tensor:
    """Apply both filters to x, [B, C, T] float64."""
    for b0, b1, b2, a1, a2 in (weights[:5], weights[5:]):
        b, a = (_coefficients(x, *c) for c in ((b0, b1, b2), (1.0, a1, a2)))
        x = biquad(x, b, a)
    return x


def _coefficients(x: Tensor, *values: float) -> Tensor:
    """[B, 3], made on x's device."""
    return torch.stack([x.new_full((len(x),), value) for value in values], dim=1)


def _energy_gradient(
    grad: Tensor, x: Tensor, weights: Sequence[float], hop: int
) -> tuple[Tensor, ...]:
    return vjp(lambda x: differentiable_energies(x, weights, hop), (x,), grad)


_hop_energies.register_gradient(
    lambda saved, constants, grad: (_hop_energies_backward(grad, *saved, *constants),),
    save=lambda inputs, _: inputs[:1],
)
_hop_energies_backward.register_gradient(
    gradient_by_vjp(_energy_gradient, 2), save=lambda inputs, _: inputs[:2]
)


def _weights(filters: tuple[BiquadCoefficients, BiquadCoefficients]) -> Array:
    """Numerators and denominators of both filters, [2, 5]."""
    return np.array([[*b, *a[1:]] for b, a in filters])


@njit(cache=True, nogil=True)
def _energy_rows(x, energies, state, weights, hop):  # type: ignore[no-untyped-def]
    b0, b1, b2, a1, a2 = weights[0]
    d0, d1, d2, c1, c2 = weights[1]
    for row in range(x.shape[0]):
        s1, s2, t1, t2 = state[row]  # two filters in transposed direct form II
        for k in range(energies.shape[1]):
            energy = 0.0
            for n in range(k * hop, (k + 1) * hop):
                new = np.float64(x[row, n])
                shelf = b0 * new + s1
                s1 = b1 * new - a1 * shelf + s2
                s2 = b2 * new - a2 * shelf
                out = d0 * shelf + t1
                t1 = d1 * shelf - c1 * out + t2
                t2 = d2 * shelf - c2 * out
                energy += out * out
            if abs(s1) + abs(s2) + abs(t1) + abs(t2) < DENORMAL_LIMIT:
                s1 = s2 = t1 = t2 = 0.0
            energies[row, k] = energy
        state[row, 0], state[row, 1], state[row, 2], state[row, 3] = s1, s2, t1, t2


@njit(cache=True, nogil=True)
def _energy_backward_rows(x, grad, grad_x, weights, hop):  # type: ignore[no-untyped-def]
    b0, b1, b2, a1, a2 = weights[0]
    d0, d1, d2, c1, c2 = weights[1]
    y = np.empty(grad.shape[1] * hop)
    for row in range(x.shape[0]):
        s1 = s2 = t1 = t2 = 0.0
        for k in range(grad.shape[1]):
            for n in range(k * hop, (k + 1) * hop):
                new = np.float64(x[row, n])
                shelf = b0 * new + s1
                s1 = b1 * new - a1 * shelf + s2
                s2 = b2 * new - a2 * shelf
                y[n] = d0 * shelf + t1
                t1 = d1 * shelf - c1 * y[n] + t2
                t2 = d2 * shelf - c2 * y[n]
            if abs(s1) + abs(s2) + abs(t1) + abs(t2) < DENORMAL_LIMIT:
                s1 = s2 = t1 = t2 = 0.0
        s1 = s2 = t1 = t2 = 0.0
        for k in range(grad.shape[1] - 1, -1, -1):
            grad_square = 2.0 * grad[row, k]
            for n in range((k + 1) * hop - 1, k * hop - 1, -1):
                new = grad_square * y[n]
                passed = d0 * new + t1
                t1 = d1 * new - c1 * passed + t2
                t2 = d2 * new - c2 * passed
                out = b0 * passed + s1
                s1 = b1 * passed - a1 * out + s2
                s2 = b2 * passed - a2 * out
                grad_x[row, n] = out
            if abs(s1) + abs(s2) + abs(t1) + abs(t2) < DENORMAL_LIMIT:
                s1 = s2 = t1 = t2 = 0.0
