"""What every model hears: pictures of the sound, and numbers one reads off an analyser.

In dB, an EQ, a gain or a width change is an addition to the spectrum: the difference to the
finished version shows the knobs nearly bare, and averaged over time the difference to another
excerpt of the same production still does (the long-term spectrum of a production changes less than
a console).

Pictures: mid and side log-mel of the rough, of the reference, and of their difference. Statistics:
their mean and spread over time, long-term spectra, levels by quantile, echoes, and from rough to
finished the measured response.
"""

import torch
from torch import Tensor, nn

from ai_mixer.dsp.spectra import power
from ai_mixer.models import transfer
from ai_mixer.models.echoes import EchoProfile
from ai_mixer.shims import torchaudio
from ai_mixer.types import CONDITIONS

FLOOR_DB = -100.0
LEVEL_CENTRE_DB, LEVEL_SPREAD_DB = -30.0, 20.0  # of mel bands of music; brings levels to about ±2
DIFFERENCE_SPREAD_DB = 6.0  # a wide EQ band: brings differences to about ±1
PICTURES = 6  # rough, reference, difference × mid, side
# What is measured exactly comes in large, what mixes everything comes in small: Adam moves all
# weights alike, so a feature's size is the speed at which it is learned.
TRUST = {"pictures": 0.3, "long_term": 1.0, "levels": 2.0, "measured": 8.0, "echoes": 3.0}
BLIND, PAIRED = CONDITIONS.index("blind"), CONDITIONS.index("paired")


class FrontEnd(nn.Module):
    """[B, C, T] rough and reference → pictures [B, 6, mels, frames] and statistics [B, S].

    Mono counts as two equal channels (side at the floor). What a condition does not let one hear is
    zero: the reference and all differences when blind, the measured response unless paired.
    """

    bands: Tensor
    window: Tensor

    def __init__(
        self, sample_rate: int, n_mels: int = 96, n_fft: int = 2048, hop: int = 1024
    ) -> None:
        super().__init__()
        self.n_mels, self.n_fft, self.hop = n_mels, n_fft, hop
        bands = torchaudio.functional.melscale_fbanks(
            n_fft // 2 + 1, 30.0, sample_rate / 2, n_mels, sample_rate, norm="slaney"
        )
        # Per-band energy that does not depend on the frame length.
        self.register_buffer("bands", bands / n_fft, persistent=False)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.echoes = EchoProfile(sample_rate)

    @property
    def n_statistics(self) -> int:
        """Length of the statistics vector."""
        per_band = 3 * PICTURES + 2  # mean, spread, long-term of each picture; response
        per_quantile = 5
        return per_band * self.n_mels + per_quantile * transfer.QUANTILES + self.echoes.n_features

    @torch.no_grad()
    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [B, 6, mels, frames] and statistics [B, n_statistics]."""
        given = (condition != BLIND).to(rough.dtype)
        paired = condition == PAIRED
        heard, wanted = self._spectra(rough), self._spectra(reference)
        pictures, long_term = self._pictures(power(heard), power(wanted), given)
        # Dear, and meaningless unless paired: measured on those songs alone.
        measured = self._measured(rough[paired], heard[paired], wanted[paired])
        statistics = {
            "pictures": torch.cat([pictures.mean(-1), pictures.std(-1)], dim=1).flatten(1),
            "long_term": long_term,
            "levels": self._levels(rough, reference, heard.shape[-1], given),
            "measured": _scatter(paired, measured),
            "echoes": self.echoes(rough, reference, condition),
        }
        scaled = [TRUST[name] * numbers for name, numbers in statistics.items()]
        return pictures, torch.cat(scaled, dim=1)

    def _spectra(self, audio: Tensor) -> Tensor:
        """Mid and side, [B, C, T] → [B, 2, F, frames]."""
        left, right = audio[:, 0], audio[:, -1]
        mid_side = torch.stack([left + right, left - right], dim=1) * 0.5
        spectra = torch.stft(
            mid_side.flatten(0, 1),
            self.n_fft,
            self.hop,
            window=self.window,
            pad_mode="constant",  # audio may be shorter than a window
            return_complex=True,
        )
        return spectra.view(len(audio), 2, *spectra.shape[1:])

    def _pictures(self, heard: Tensor, wanted: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """From powers [B, 2, F, frames]: the pictures, and their long-term levels [B, 6 · mels]."""
        heard, wanted = self._bands(heard), self._bands(wanted)
        pictures = _layers(_decibels(heard), _decibels(wanted), given)
        long_term = [_decibels(level.mean(-1, keepdim=True)) for level in (heard, wanted)]
        return pictures, _layers(long_term[0], long_term[1], given).flatten(1)

    def _bands(self, spectrogram: Tensor) -> Tensor:
        return (spectrogram.transpose(-1, -2) @ self.bands).transpose(-1, -2)

    def _levels(self, rough: Tensor, reference: Tensor, frames: int, given: Tensor) -> Tensor:
        """Peak levels by quantile: rough, reference, difference. [B, 3 · QUANTILES]"""
        low, high = (
            transfer.quantiles(transfer.level_track_db(audio, self.hop, frames))
            for audio in (rough, reference)
        )
        layers = [
            (low - LEVEL_CENTRE_DB) / LEVEL_SPREAD_DB,
            (high - LEVEL_CENTRE_DB) / LEVEL_SPREAD_DB * given[:, None],
            (high - low) / DIFFERENCE_SPREAD_DB * given[:, None],
        ]
        return torch.cat(layers, dim=1)

    def _measured(self, rough: Tensor, heard: Tensor, wanted: Tensor) -> Tensor:
        """From rough to finished: response per band, gain by quantile and over level."""
        levels = transfer.level_track_db(rough, self.hop, heard.shape[-1])
        gain = transfer.gain_track_db(heard, wanted)
        response = transfer.frequency_response_db(heard, wanted, self.bands).clamp(-40.0, 40.0)
        curves = [response.flatten(1), transfer.quantiles(gain), transfer.curve(levels, gain)]
        return torch.cat(curves, dim=1) / DIFFERENCE_SPREAD_DB


def _scatter(chosen: Tensor, rows: Tensor) -> Tensor:
    """Rows of the chosen songs among zeros: chosen [B] bool, rows [chosen, …] → [B, …]."""
    out = rows.new_zeros(len(chosen), *rows.shape[1:])
    out[chosen] = rows
    return out


def _layers(heard_db: Tensor, wanted_db: Tensor, given: Tensor) -> Tensor:
    """Levels as three pictures of about ±1: [B, 2, mels, frames] twice → [B, 6, mels, frames]."""
    given = given[:, None, None, None]
    return torch.cat(
        [
            (heard_db - LEVEL_CENTRE_DB) / LEVEL_SPREAD_DB,
            (wanted_db - LEVEL_CENTRE_DB) / LEVEL_SPREAD_DB * given,
            (wanted_db - heard_db) / DIFFERENCE_SPREAD_DB * given,
        ],
        dim=1,
    )


def _decibels(energy: Tensor) -> Tensor:
    return 10.0 * torch.log10(energy.clamp_min(10.0 ** (FLOOR_DB / 10.0)))
