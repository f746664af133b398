"""What every model hears: mid and side log-mel pictures of the rough, of the reference, and of
their difference, plus the statistics of each over time and the echoes in them.

In dB, an EQ, a gain or a width change is an addition to the spectrum: the difference to the
finished version shows the knobs nearly bare, and averaged over time the difference to another
excerpt of the same production still does (the long-term spectrum of a production changes less than
a console).
"""

import torch
from torch import Tensor, nn

from ai_mixer.models.echoes import EchoProfile
from ai_mixer.shims import torchaudio
from ai_mixer.types import CONDITIONS

FLOOR_DB = -100.0
LEVEL_CENTRE_DB, LEVEL_SPREAD_DB = -30.0, 20.0  # of mel bands of music; brings levels to about ±2
DIFFERENCE_SPREAD_DB = 6.0  # a wide EQ band: brings differences to about ±1
PICTURES = 6  # rough, reference, difference × mid, side
STATISTICS_PER_PICTURE = 2  # mean and spread over time
BLIND = CONDITIONS.index("blind")


class FrontEnd(nn.Module):
    """[B, C, T] rough and reference → pictures [B, 6, mels, frames] and statistics [B, S].

    Mono counts as two equal channels (side at the floor). Where the condition is blind the
    reference and difference pictures are zero.
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
        slopes = 2 * self.n_mels
        of_pictures = PICTURES * STATISTICS_PER_PICTURE * self.n_mels
        return of_pictures + slopes + self.echoes.n_features

    def levels_db(self, audio: Tensor) -> Tensor:
        """Mid and side mel levels in dB: [B, C, T] → [B, 2, mels, frames]."""
        left, right = audio[:, 0], audio[:, -1]
        mid_side = torch.stack([left + right, left - right], dim=1) * 0.5
        spectra = torch.stft(
            mid_side.flatten(0, 1), self.n_fft, self.hop, window=self.window, return_complex=True
        )
        # Real and imaginary squares: torchaudio's own |z|² takes a square root on the way.
        power = torch.view_as_real(spectra).square().sum(-1).transpose(1, 2) @ self.bands
        power = power.transpose(1, 2).view(len(audio), 2, self.n_mels, -1)
        return 10.0 * torch.log10(power.clamp_min(10.0 ** (FLOOR_DB / 10.0)))

    @torch.no_grad()
    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [B, 6, mels, frames] and statistics [B, n_statistics]."""
        rough_db, reference_db = self.levels_db(rough), self.levels_db(reference)
        given = (condition != BLIND).to(rough.dtype)[:, None, None, None]
        difference = (reference_db - rough_db) / DIFFERENCE_SPREAD_DB * given
        heard = (rough_db - LEVEL_CENTRE_DB) / LEVEL_SPREAD_DB
        wanted = (reference_db - LEVEL_CENTRE_DB) / LEVEL_SPREAD_DB * given
        pictures = torch.cat([heard, wanted, difference], dim=1)
        echoes = self.echoes(rough, reference, condition)
        statistics = [self._statistics(pictures, heard, difference), echoes]
        return pictures, torch.cat(statistics, dim=1)

    def _statistics(self, pictures: Tensor, heard: Tensor, difference: Tensor) -> Tensor:
        mean = pictures.mean(-1)
        spread = pictures.std(-1)
        # How much less the finished version rises where the rough is loud: a compressor turns the
        # slope of difference over level negative, echoes in the gaps do it per band.
        level = heard - heard.mean(-1, keepdim=True)
        slope = (level * difference).mean(-1) / (level.square().mean(-1) + 0.01)
        return torch.cat([mean, spread, slope], dim=1).flatten(1)
