"""Echoes and tails, as an engineer hears them in the gaps: energy over lag.

Three profiles over log-spaced lags, from a window long enough for a tail:
- cepstrum of the rough and of the reference (Bogert, Healy & Tukey, 1963): an echo at lag τ ripples
  the log spectrum with period 1/τ, whatever the music; heard under every condition;
- impulse response from rough to finished, by averaged cross spectra (Bendat & Piersol, "Random
  Data", 4th ed., chapter 6): heard only when both versions of the same excerpt are there.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS
from ai_mixer.dsp.spectra import power
from ai_mixer.models.unique_rows import UniqueRows, scatter_rows

BLIND, PAIRED = CONDITIONS.index("blind"), CONDITIONS.index("paired")
N_PROFILES = 3
FEATURES_PER_BAND = 2  # energy and strongest lag


class CepstrumFeatures(nn.Module):
    """[B, C, T] rough and reference, condition [B] → [B, n_features], about ±2.

    Audio shorter than the window is padded with silence.
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
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        self.n_features = N_PROFILES * FEATURES_PER_BAND * bands

    def forward(self, rough: UniqueRows, reference: UniqueRows, condition: Tensor) -> Tensor:
        """The profiles of a batch: [B, n_features]."""
        heard, wanted = self._spectra(rough.rows), self._spectra(reference.rows)
        paired = condition == PAIRED
        response = _response(heard[rough.index[paired]], wanted[reference.index[paired]])
        profiles = [
            rough.to_all_rows(self._bands(_cepstrum(heard), 0.1)),
            reference.to_all_rows(self._bands(_cepstrum(wanted), 0.1))
            * (condition != BLIND)[:, None],
            scatter_rows(paired, self._bands(_normalised(response), 0.03)),
        ]
        return torch.cat(profiles, dim=1)

    def _spectra(self, audio: Tensor) -> Tensor:
        """[B, frames, bins] of the mid channel, frames overlapping by half."""
        length = self.window.shape[0]
        mono = audio.mean(1)
        mono = nn.functional.pad(mono, (0, max(0, length - mono.shape[-1])))
        return torch.fft.rfft(mono.unfold(-1, length, length // 2) * self.window)

    def _bands(self, profile: Tensor, typical: float) -> Tensor:
        """Level and strongest lag of each band of lags, in units of 20 dB over `typical`."""
        square = profile.square()
        total = nn.functional.pad(square.cumsum(-1), (1, 0))[:, self.edges]
        energy = total.diff(dim=-1) / self.edges.diff()
        peak = torch.stack(
            [
                square[:, start:stop].amax(-1)
                for start, stop in zip(self.edges[:-1], self.edges[1:], strict=True)
            ],
            dim=-1,
        )
        both = torch.cat([energy, peak], dim=-1)
        return 0.5 * torch.log10(both / typical**2 + 1e-4)


def _response(heard: Tensor, wanted: Tensor) -> Tensor:
    """Impulse response by averaged cross spectra: [B, frames, bins] twice → [B, window]."""
    if not len(heard):
        return heard.real.new_zeros(0, 2 * (heard.shape[-1] - 1))  # no transform of nothing
    energy = power(heard)
    cross = (wanted * heard.conj()).mean(1)
    noise = 1e-3 * energy.mean((1, 2))[:, None] + 1e-12  # keeps empty bins from exploding
    return torch.fft.irfft(cross / (energy.mean(1) + noise))


def _cepstrum(spectra: Tensor) -> Tensor:
    """Real cepstrum of the frames' mean log spectrum: [B, frames, bins] → [B, window]."""
    log_power = torch.log(power(spectra) + 1e-6).mean(1)
    return torch.fft.irfft(log_power - log_power.mean(-1, keepdim=True))


def _normalised(response: Tensor) -> Tensor:
    """Impulse response over its direct sound (1 ms around lag 0)."""
    direct = response[:, :44].square().sum(-1, keepdim=True)
    return response * torch.rsqrt(direct + 1e-12)
