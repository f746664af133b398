"""Distance of two mixes by audio features, with the definitions and weights of Diff-MST.

Vanka et al., "Diff-MST: Differentiable Mixing Style Transfer", ISMIR 2024. Each is the mean squared
difference of a feature: RMS √mean(x²) of each channel, linear (weight 0.1); crest 20 log₁₀(max |x|
/ RMS), dB (0.001); width mean((L − R)²) / mean((L + R)²) (1); imbalance (E_R − E_L) / (E_R + E_L)
(1); Bark spectrum: magnitudes of an STFT of 32768 samples averaged over time, in 24 bands from
20 Hz to 20 kHz, natural logarithm, mid and side (0.1).

As published, RMS and crest depend on the level: bring both mixes to one loudness first.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.loudness import loudness_lufs

WEIGHTS = {"rms": 0.1, "crest": 0.001, "width": 1.0, "imbalance": 1.0, "bark": 0.1}
N_FFT = 32768
BARK_BANDS = 24
REFERENCE_LUFS = -22.0  # loudness of both mixes in the published protocol
EPS = 1e-8


@torch.no_grad()
def track_features_distance(mix: Tensor, finished: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Return `features/<name>` and their weighted sum `features/sum`, [B] each.

    mix, finished: [B, C, T], where mono counts as two equal channels; both are brought to −22 LUFS.
    """
    one, two = (
        _features(
            audio * db_to_ratio(REFERENCE_LUFS - loudness_lufs(audio, sample_rate))[:, None, None],
            sample_rate,
        )
        for audio in (x.expand(-1, 2, -1) for x in (mix, finished))
    )
    errors = {name: (one[name] - two[name]).square().mean(-1) for name in WEIGHTS}
    total = sum(WEIGHTS[name] * error for name, error in errors.items())
    assert isinstance(total, Tensor)
    return {f"features/{name}": error for name, error in errors.items()} | {"features/sum": total}


def _features(audio: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Features [B, ·] of audio [B, 2, T]."""
    rms = audio.square().mean(-1).sqrt().clamp_min(EPS)
    crest = 20.0 * (audio.abs().amax(-1).clamp_min(EPS) / rms).log10()
    left, right = audio.unbind(1)
    width = (left - right).square().mean(-1) / (left + right).square().mean(-1).clamp_min(EPS)
    energy = audio.square().mean(-1)
    imbalance = (energy[:, 1] - energy[:, 0]) / energy.sum(1).clamp_min(EPS)
    return {
        "rms": rms,
        "crest": crest,
        "width": width[:, None],
        "imbalance": imbalance[:, None],
        "bark": _bark(torch.stack([left + right, left - right], 1), sample_rate),
    }


def _bark(mid_side: Tensor, sample_rate: int) -> Tensor:
    """Log magnitudes in Bark bands, [B, 2 · bands]."""
    songs = mid_side.flatten(0, 1)
    songs = pad(songs, (0, max(0, N_FFT - songs.shape[-1])))
    window = torch.hann_window(N_FFT, device=songs.device)
    spectra = torch.stft(songs, N_FFT, N_FFT // 4, window=window, return_complex=True)
    magnitude = spectra.abs().mean(-1)
    bands = magnitude @ _bark_filters(sample_rate).to(magnitude)
    return (bands + EPS).log().reshape(len(mid_side), -1)


def _bark_filters(sample_rate: int) -> Tensor:
    """Triangular filters, equally spaced in Bark (6 asinh(f / 600)), 20 Hz–20 kHz: [F, bands]."""

    def to_bark(hz: Tensor) -> Tensor:
        return 6.0 * torch.asinh(hz / 600.0)

    frequency = to_bark(torch.linspace(0.0, sample_rate / 2.0, N_FFT // 2 + 1))
    ends = to_bark(torch.tensor([20.0, min(20_000.0, sample_rate / 2.0)]))
    points = torch.linspace(float(ends[0]), float(ends[1]), BARK_BANDS + 2)
    rising = (frequency[:, None] - points[:-2]) / (points[1:-1] - points[:-2])
    falling = (points[2:] - frequency[:, None]) / (points[2:] - points[1:-1])
    return torch.minimum(rising, falling).clamp_min(0.0)
