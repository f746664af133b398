"""Mid and side, short-time spectra, third-octave levels."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.operators import empty_like, operator, vjp

LOWEST_BAND = -15  # number of the band of 31.5 Hz, counted from 1 kHz
THIRD_OCTAVE_CENTRES_HZ = tuple(1000.0 * 10.0 ** (n / 10.0) for n in range(LOWEST_BAND, 13))
"""Exact base-ten mid-band frequencies (IEC 61260-1, eq. 3) of the bands 31.5 Hz … 16 kHz."""

BAND_EDGE_RATIO = 10.0**0.05  # of the upper edge of a band to its centre
AUDIBLE_HZ = (20.0, 20_000.0)
WELCH_WINDOW_S = 8192 / 44100  # window of the third-octave analysis: about 5 Hz per bin


def mid_side(x: Tensor) -> Tensor:
    """Half sum and half difference of left and right. [B, C, T] → [B, 2, T]; side 0 for mono."""
    if x.shape[1] == 1:
        return torch.cat([x, torch.zeros_like(x)], 1)
    if x.shape[1] != 2:
        raise ValueError(f"mid_side needs 1 or 2 channels, got {x.shape[1]}: mix down first")
    left, right = x.unbind(1)
    return torch.stack([0.5 * (left + right), 0.5 * (left - right)], 1)


def magnitude(x: Tensor, n_fft: int, hop: int, floor: float = 1e-8) -> Tensor:
    """Magnitudes of the short-time spectrum. x: [..., T] → [..., n_fft // 2 + 1, frames].

    Periodic Hann window, centred frames (edges reflected), not normalised: a full-scale sine has
    the magnitude n_fft / 4. Magnitudes are at least `floor`, so that logarithms and gradients are
    finite. Signals shorter than a window are padded with zeros to its length.
    """
    flat = x.reshape(-1, x.shape[-1])
    flat = functional.pad(flat, (0, max(0, n_fft - x.shape[-1])))
    centred = functional.pad(flat, (n_fft // 2, n_fft // 2), mode="reflect")
    window = torch.hann_window(n_fft, dtype=x.dtype, device=x.device)
    floored = short_time_power(centred, window, n_fft, hop).clamp_min(floor**2).sqrt().mT
    return floored.reshape(*x.shape[:-1], *floored.shape[1:])


def short_time_power(x: Tensor, window: Tensor, n_fft: int, hop: int) -> Tensor:
    """|spectrum|² of each frame. x: [..., T] → [..., frames, n_fft // 2 + 1].

    Frames have the length of the window, lie completely in x and start every `hop` samples.
    Differentiable in x; the gradient is three times as fast as autograd through the complex
    spectrum.
    """
    rows = x.reshape(-1, x.shape[-1])
    powers: Tensor = _short_time_power(rows, window, n_fft, hop)[0]
    return powers.view(*x.shape[:-1], *powers.shape[1:])


def _fake_power(x: Tensor, window: Tensor, n_fft: int, hop: int) -> tuple[Tensor, Tensor]:
    shape = len(x), (x.shape[1] - len(window)) // hop + 1, n_fft // 2 + 1
    return x.new_empty(shape), x.new_empty(shape, dtype=x.dtype.to_complex())


@operator(_fake_power, devices=None)
def _short_time_power(x: Tensor, window: Tensor, n_fft: int, hop: int) -> tuple[Tensor, Tensor]:
    """x: [rows, T]. Returns the power, and the spectra for the gradient."""
    spectra = torch.fft.rfft(x.unfold(-1, len(window), hop) * window, n_fft)
    return power(spectra), spectra


@operator(empty_like(1), n_batched=3, devices=None)
def _short_time_power_backward(
    grad: Tensor, x: Tensor, spectra: Tensor, window: Tensor, n_fft: int, hop: int
) -> Tensor:
    """∂frame[t] = w[t] Re Σ_k 2 ∂P_k X_k e^(2πikt/n), by an inverse real transform."""
    weighted = spectra * grad
    # The inverse counts the bins between the ends twice, which is the 2 of the formula.
    weighted[..., 0] *= 2.0
    if n_fft % 2 == 0:
        weighted[..., -1] *= 2.0
    frames = torch.fft.irfft(weighted, n_fft, norm="forward")[..., : len(window)] * window
    return _overlap_add(frames, hop, x.shape)


def _differentiable_power(x: Tensor, window: Tensor, n_fft: int, hop: int) -> Tensor:
    """`short_time_power` of differentiable operations."""
    starts = torch.arange(0, x.shape[-1] - len(window) + 1, hop, device=x.device)
    frames = x[..., starts[:, None] + torch.arange(len(window), device=x.device)]
    return power(torch.fft.rfft(frames * window, n_fft))


def _power_gradient(
    saved: Sequence[Tensor], constants: Sequence[Any], grad_grad: Tensor
) -> tuple[Tensor, ...]:
    """Gradient of `_short_time_power_backward`."""
    grad, x, window = saved

    def gradient(grad: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        return vjp(lambda x: _differentiable_power(x, window, *constants), (x,), grad)

    return vjp(gradient, (grad, x), (grad_grad,))


_short_time_power.register_gradient(
    lambda saved, constants, grad: (_short_time_power_backward(grad, *saved, *constants),),
    save=lambda inputs, outputs: (inputs[0], outputs[1], inputs[1]),
)
_short_time_power_backward.register_gradient(
    _power_gradient, save=lambda inputs, _: (*inputs[:2], inputs[3])
)


def _overlap_add(frames: Tensor, hop: int, shape: torch.Size) -> Tensor:
    """Adjoint of `unfold`: frames [..., frames, L] → `shape`, [..., T]."""
    total = frames.new_zeros(shape)
    length, count = frames.shape[-1], frames.shape[-2]
    for start in range(0, length, hop):  # these parts of the frames do not overlap each other
        part = frames[..., start : start + hop]
        width = part.shape[-1]
        end = start + (count - 1) * hop + width
        total[..., start:end].unfold(-1, width, hop).add_(part)
    return total


def power(spectra: Tensor) -> Tensor:
    """|z|² of complex spectra, any shape. Several times as fast as `abs().square()` on a CPU."""
    squares = torch.view_as_real(spectra.resolve_conj()).square()
    return squares[..., 0] + squares[..., 1]


def noise_magnitude(n_fft: int, level_db: float) -> float:
    """RMS of `magnitude` for white noise of an RMS level: σ √Σw² (Σw² = 3/8 n_fft for Hann).

    A floor for magnitudes that is comparable between resolutions.
    """
    return 10.0 ** (level_db / 20.0) * math.sqrt(0.375 * n_fft)


def third_octave_centres(sample_rate: int) -> tuple[float, ...]:
    """Mid-band frequencies in Hz of the bands that are completely below Nyquist."""
    return tuple(c for c in THIRD_OCTAVE_CENTRES_HZ if c * BAND_EDGE_RATIO <= sample_rate / 2)


def third_octave_power(x: Tensor, sample_rate: int) -> Tensor:
    """Mean square per third-octave band. x: [B, C, T] → [B, C, bands].

    Bins of `long_term_power` on a band edge are divided between both bands, so the bands add up to
    the signal's power between 28 Hz and 17.8 kHz. Bands above Nyquist are left out.
    """
    return third_octave_power_from_bins(long_term_power(x, sample_rate), sample_rate)


def third_octave_power_from_bins(density: Tensor, sample_rate: int) -> Tensor:
    """Mean square per third-octave band from `long_term_power`: [..., bins] → [..., bands]."""
    bands = _band_weights_for(density, sample_rate)
    # float64, because autocast would compute in half precision, which errs by 0.03 dB.
    return (density.double() @ bands).to(density.dtype)


def long_term_power(x: Tensor, sample_rate: int) -> Tensor:
    """Mean square per bin. x: [..., T] → [..., bins]; their sum is the mean square of the signal.

    Welch's method with a Hann window of 0.19 s (8192 samples at 44.1 kHz) and 50 % overlap: bins of
    about 5 Hz at any rate. (The inaudible bins at 0 Hz and Nyquist count twice.)
    """
    n_fft = 2 ** round(math.log2(WELCH_WINDOW_S * sample_rate))
    window_length = min(n_fft, x.shape[-1])  # one shorter window for a short excerpt
    window = torch.hann_window(window_length, dtype=x.dtype, device=x.device)
    average = short_time_power(x, window, n_fft, max(1, window_length // 2)).mean(-2)
    return average * (2.0 / (n_fft * window.square().sum()))


def band_power(density: Tensor, sample_rate: int, edges_hz: tuple[float, ...]) -> Tensor:
    """Mean square between neighbouring edges. density: [..., bins] of `long_term_power` → [..., n].

    n = len(edges_hz) − 1. Bands above Nyquist are 0.
    """
    low, high = np.array(edges_hz[:-1]), np.array(edges_hz[1:])
    weights = _band_overlaps(2 * (density.shape[-1] - 1), sample_rate, low, high)
    return density @ torch.from_numpy(weights).to(density)


def centroid_hz(density: Tensor, sample_rate: int) -> Tensor:
    """Spectral centroid Σ f |X| / Σ |X| in Hz. density: [..., bins] of `long_term_power` → [...].

    Over 20 Hz–20 kHz, of magnitudes (Tzanetakis & Cook, IEEE TSAP 2002); the centroid of powers
    would be dominated by the bass. NaN for silence.
    """
    frequencies = torch.linspace(0.0, sample_rate / 2, density.shape[-1]).to(density)
    low, high = AUDIBLE_HZ
    magnitudes = density.sqrt() * ((frequencies >= low) & (frequencies <= high))
    return (magnitudes * frequencies).sum(-1) / magnitudes.sum(-1)


def third_octave_frames(x: Tensor, sample_rate: int, frame_s: float) -> Tensor:
    """Mean square per frame and third-octave band. x: [..., T] → [..., frames, bands].

    Hann frames of about frame_s (a power of two samples) with 50 % overlap; bands as in
    `third_octave_power`.
    """
    n_fft = 2 ** round(math.log2(frame_s * sample_rate))
    window = torch.hann_window(n_fft, dtype=x.dtype, device=x.device)
    frames = short_time_power(x, window, n_fft, n_fft // 2)
    bands = _band_weights_for(frames, sample_rate)
    return (frames.double() @ bands).to(frames.dtype) * (2.0 / (n_fft * window.square().sum()))


def power_to_db(power: Tensor, floor_db: float = SILENCE_DB) -> Tensor:
    """Level in dB of a mean square, at least `floor_db`."""
    return 10.0 * torch.log10(power.clamp_min(10.0 ** (floor_db / 10.0)))


def third_octave_db(x: Tensor, sample_rate: int, floor_db: float = SILENCE_DB) -> Tensor:
    """Level per third-octave band in dB, at least `floor_db`. x: [B, C, T] → [B, C, bands]."""
    return power_to_db(third_octave_power(x, sample_rate), floor_db)


def _band_weights_for(density: Tensor, sample_rate: int) -> Tensor:
    """Weights of the third-octave bands, [bins, bands] float64, on the device of the density.

    Elsewhere than on the CPU they are computed there, because a copy would have to be waited for.
    """
    n_fft = 2 * (density.shape[-1] - 1)
    if density.device.type == "cpu":
        return torch.from_numpy(_band_weights(n_fft, sample_rate))
    numbers = torch.arange(len(third_octave_centres(sample_rate)), device=density.device).double()
    centres = 1000.0 * 10.0 ** ((numbers + LOWEST_BAND) / 10.0)
    bins = torch.arange(n_fft // 2 + 1, device=density.device).double()
    edges = centres / BAND_EDGE_RATIO, centres * BAND_EDGE_RATIO
    return _overlaps(torch, bins[:, None], sample_rate / n_fft, *edges)


@functools.lru_cache(maxsize=16)
def _band_weights(n_fft: int, sample_rate: int) -> np.ndarray:
    """`_band_overlaps` of the third-octave bands, [bins, bands]."""
    centres = np.array(third_octave_centres(sample_rate))
    return _band_overlaps(n_fft, sample_rate, centres / BAND_EDGE_RATIO, centres * BAND_EDGE_RATIO)


def _band_overlaps(
    n_fft: int, sample_rate: int, low_hz: np.ndarray, high_hz: np.ndarray
) -> np.ndarray:
    """Share of each bin (f ± half a bin) in each band, [bins, bands]."""
    bins = np.arange(n_fft // 2 + 1)[:, None]
    shares: np.ndarray = _overlaps(np, bins, sample_rate / n_fft, low_hz, high_hz)
    return shares


def _overlaps(m: Any, bins: Any, spacing: float, low_hz: Any, high_hz: Any) -> Any:
    """The share for numbers of bins, with the functions of a module: NumPy's or PyTorch's."""
    upper = m.minimum(spacing * (bins + 0.5), high_hz)
    lower = m.maximum(spacing * (bins - 0.5), low_hz)
    return ((upper - lower) / spacing).clip(0.0, None)
