"""Loudness as broadcasters measure it, differentiable and for whole batches.

ITU-R BS.1770-4: K-weighting (Annex 1, two filters), mean square over 400 ms blocks with 75 %
overlap, absolute gate at −70 LUFS and relative gate at −10 LU. Loudness range: EBU Tech 3342.
Gates are decisions: gradients flow through what passed them, not through the decision.

Left, right and mono all weigh 1 (surround channels are not handled).
"""

import math

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from ai_mixer.units import SILENCE_DB

OFFSET_DB = -0.691  # BS.1770-4 Annex 1 eq. 2: a 997 Hz sine on one channel reads its level
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0  # Tech 3342's own, wider relative gate
BLOCK_S = 0.4
SHORT_TERM_S = 3.0
HOP_S = 0.1
TAIL_S = 0.2  # the 38 Hz high-pass has died away by 400 dB

# The analogue prototypes behind the 48 kHz coefficients printed in the standard.
SHELF_HZ, SHELF_Q = 1681.974450955533, 0.7071752369554196
SHELF_DB, SHELF_BAND = 3.99984385397, 0.4996667741545416  # the middle term has gain^0.4997
HIGH_PASS_HZ, HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
PRINTED_RATE = 48000

Biquad = tuple[tuple[float, float, float], tuple[float, float, float]]


def loudness_lufs(x: Tensor, sample_rate: int) -> Tensor:
    """Integrated loudness. x: [B, C, T], full scale = 1. Returns [B], LUFS.

    Shorter than 400 ms: the whole signal is one block. Nothing above the absolute gate: the
    standard says minus infinity, here `SILENCE_DB`.
    """
    powers = _block_powers(x, sample_rate, BLOCK_S)
    keep = _gate(powers, RELATIVE_GATE_LU)
    integrated = _to_lufs(_mean_where(keep, powers))
    return torch.where(keep.any(-1), integrated, SILENCE_DB)


def momentary_lufs(x: Tensor, sample_rate: int) -> Tensor:
    """Loudness of each 400 ms, every 100 ms. x: [B, C, T]. Returns [B, blocks], LUFS."""
    return _to_lufs(_block_powers(x, sample_rate, BLOCK_S))


def short_term_lufs(x: Tensor, sample_rate: int) -> Tensor:
    """Loudness of each 3 s, every 100 ms. x: [B, C, T]. Returns [B, blocks], LUFS."""
    return _to_lufs(_block_powers(x, sample_rate, SHORT_TERM_S))


def loudness_range_lu(x: Tensor, sample_rate: int, block_s: float = SHORT_TERM_S) -> Tensor:
    """Spread of the loudness over time: 95th minus 10th percentile of the gated blocks.

    x: [B, C, T]. Returns [B], LU; 0 where fewer than two blocks pass the gates. EBU Tech 3342 with
    `block_s` = 3; shorter blocks make a short excerpt measurable (another, larger number).
    """
    powers = _block_powers(x, sample_rate, block_s)
    keep = _gate(powers, RANGE_GATE_LU)
    return torch.stack([_spread(*item) for item in zip(_to_lufs(powers), keep, strict=True)])


def k_weight(x: Tensor, sample_rate: int) -> Tensor:
    """What the ear weighs: a high shelf (the head) and a high-pass. x: [..., T]. Returns [..., T].

    The two recursive filters are applied by their exact response on a fast Fourier transform with
    room for the tail, so the gradient costs no more than another transform.
    """
    length = x.shape[-1]
    n_fft = next_fast_len(length + math.ceil(TAIL_S * sample_rate), real=True)
    radians = torch.arange(n_fft // 2 + 1, device=x.device, dtype=torch.float64)
    delay = torch.exp(radians * (-2j * math.pi / n_fft))
    response = torch.ones_like(delay)
    for b, a in k_weighting(sample_rate):
        response = response * _polynomial(b, delay) / _polynomial(a, delay)
    spectrum = torch.fft.rfft(x, n_fft)
    return torch.fft.irfft(spectrum * response.to(spectrum.dtype), n_fft)[..., :length]


def k_weighting(sample_rate: int) -> tuple[Biquad, Biquad]:
    """Numerator and denominator of the two K-weighting filters at any rate above 3.4 kHz.

    Bilinear transform of the prototypes; at 48 kHz the coefficients of BS.1770-4 tables 1 and 2.
    The standard prints the high-pass numerator as 1, −2, 1, a passband gain of +0.04 dB: that gain
    is kept at every rate (1, −2, 1 at 8 kHz would read 0.2 dB louder).
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
    high_pass = _norm(HIGH_PASS_HZ, HIGH_PASS_Q, PRINTED_RATE) / _norm(
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


def _block_powers(x: Tensor, sample_rate: int, block_s: float) -> Tensor:
    """Mean square summed over channels, per block: [B, C, T] → [B, blocks] (eq. 1 and 3)."""
    y = k_weight(x, sample_rate)
    hop = round(HOP_S * sample_rate)
    per_block = round(block_s / HOP_S)
    hops = y.shape[-1] // hop
    if hops < per_block:
        return y.square().mean(-1).sum(1, keepdim=True)
    energy = y[..., : hops * hop].reshape(*y.shape[:2], hops, hop).square().sum(-1).sum(1)
    return energy.unfold(-1, per_block, 1).sum(-1) / (per_block * hop)


def _to_lufs(power: Tensor) -> Tensor:
    silence = 10.0 ** ((SILENCE_DB - OFFSET_DB) / 10.0)
    return OFFSET_DB + 10.0 * torch.log10(power.clamp_min(silence))


def _gate(powers: Tensor, relative_lu: float) -> Tensor:
    """[B, blocks] bool: which blocks are above both gates (eqs. 5–7)."""
    levels = _to_lufs(powers.detach())
    keep = levels > ABSOLUTE_GATE_LUFS
    relative = _to_lufs(_mean_where(keep, powers.detach())) + relative_lu
    return keep & (levels > relative[:, None])


def _mean_where(keep: Tensor, powers: Tensor) -> Tensor:
    return (powers * keep).sum(-1) / keep.sum(-1).clamp_min(1)


def _spread(levels: Tensor, keep: Tensor) -> Tensor:
    if int(keep.sum()) < 2:
        return levels.new_zeros(())
    low, high = torch.quantile(levels[keep], levels.new_tensor([0.1, 0.95]))
    return high - low
