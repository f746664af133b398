"""Energy over lag, which shows echoes and reverb tails.

Three profiles over log-spaced lags, from a window longer than a reverb tail:
- cepstrum of the rough and of the reference (Bogert, Healy & Tukey, 1963): an echo at lag τ causes
  a ripple of period 1/τ in the log spectrum, whatever the music; the reference's is zero when
  blind;
- impulse response from rough to finished, by averaged cross spectra (Bendat & Piersol, "Random
  Data", 4th ed., chapter 6): zero unless paired.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS
from ai_mixer.dsp.spectra import power
from ai_mixer.models.unique_rows import UniqueRows, apply_to_selected

BLIND, PAIRED = CONDITIONS.index("blind"), CONDITIONS.index("paired")
N_PROFILES = 3
FEATURES_PER_BAND = 2  # mean energy and peak energy


class CepstrumFeatures(nn.Module):
    """[B, C, T] rough and reference, condition [B] → [B, n_features], about ±2.

    Audio shorter than the window is padded with silence. window: samples. bands: number of lag
    bands, from shortest_ms to half a window.
    """

    edges: Tensor
    window: Tensor

    def __init__(
        self, sample_rate: int, window: int = 65536, bands: int = 32, shortest_ms: float = 2.0
    ) -> None:
        super().__init__()
        shortest, longest = shortest_ms * 1e-3 * sample_rate, window / 2 - 1
        edges = torch.logspace(0, 1, bands + 1, base=longest / shortest) * shortest
        self.register_buffer("edges", edges.round().long(), persistent=False)
        self.slices = list(pairwise(edges.round().long().tolist()))  # on the CPU, for slices
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        self.n_features = N_PROFILES * FEATURES_PER_BAND * bands

    def forward(self, rough: UniqueRows, reference: UniqueRows, condition: Tensor) -> Tensor:
        """The profiles of a batch: [B, n_features]."""
        source, target = self._spectra(rough.rows), self._spectra(reference.rows)
        paired, has_reference = condition == PAIRED, (condition != BLIND)[:, None]
        (difference,) = apply_to_selected(
            lambda i, j: (self._bands(_normalised(_response(source[i], target[j])), 0.03),),
            paired,
            rough.index,
            reference.index,
        )
        profiles = [
            rough.to_all_rows(self._bands(_cepstrum(source), 0.1)),
            reference.to_all_rows(self._bands(_cepstrum(target), 0.1)) * has_reference,
            difference,
        ]
        return torch.cat(profiles, dim=1)

    def _spectra(self, audio: Tensor) -> Tensor:
        """Spectra [B, frames, bins] of the mid channel; frames overlap by half."""
        length = self.window.shape[0]
        mono = audio.mean(1)
        mono = nn.functional.pad(mono, (0, max(0, length - mono.shape[-1])))
        return torch.fft.rfft(mono.unfold(-1, length, length // 2) * self.window)

    def _bands(self, profile: Tensor, typical: float) -> Tensor:
        """Mean and peak energy of each lag band, in units of 20 dB relative to `typical`."""
        square = profile.square()
        total = nn.functional.pad(square.cumsum(-1), (1, 0))[:, self.edges]
        energy = total.diff(dim=-1) / self.edges.diff()
        peak = torch.stack(
            [square[:, start:stop].amax(-1) for start, stop in self.slices],
            dim=-1,
        )
        both = torch.cat([energy, peak], dim=-1)
        return 0.5 * torch.log10(both / typical**2 + 1e-4)


def _response(source: Tensor, target: Tensor) -> Tensor:
    """Impulse response by averaged cross spectra: 2 × [B, frames, bins] → [B, window]."""
    if not len(source):
        return source.real.new_zeros(0, 2 * (source.shape[-1] - 1))  # irfft refuses empty input
    energy = power(source)
    cross = (target * source.conj()).mean(1)
    noise = 1e-3 * energy.mean((1, 2))[:, None] + 1e-12  # regularises bins without energy
    return torch.fft.irfft(cross / (energy.mean(1) + noise))


def _cepstrum(spectra: Tensor) -> Tensor:
    """Real cepstrum of the frames' mean log spectrum: [B, frames, bins] → [B, window]."""
    log_power = torch.log(power(spectra) + 1e-6).mean(1)
    return torch.fft.irfft(log_power - log_power.mean(-1, keepdim=True))


def _normalised(response: Tensor) -> Tensor:
    """Impulse response relative to its direct sound (the first 44 samples, 1 ms at 44.1 kHz)."""
    direct = response[:, :44].square().sum(-1, keepdim=True)
    return response * torch.rsqrt(direct + 1e-12)
