"""What every model hears: pictures of the sound, and numbers one reads off an analyser.

In dB, an EQ, a gain or a width change is an addition to the spectrum: the difference to the
finished version shows the knobs nearly bare, and averaged over time the difference to another
excerpt of the same production still does (the long-term spectrum of a production changes less than
a console).

Pictures: mid and side log-mel of the rough, of the reference, and of their difference. Statistics:
their mean and spread over time (at four times the resolution), long-term spectra, levels by
quantile, echoes, and from rough to finished the measured response and the compressor sought in it.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS, Features
from ai_mixer.dsp.spectra import power
from ai_mixer.models import compressor_estimator as sought
from ai_mixer.models import system_identification
from ai_mixer.models.cepstrum_features import CepstrumFeatures
from ai_mixer.models.log_mel import (
    DIFFERENCE_SCALE_DB,
    LOG_MEL_CHANNELS,
    level_channels,
    log_mel_features,
    restore_channels,
)
from ai_mixer.models.shared_features import extract_once
from ai_mixer.models.unique_rows import UniqueRows, scatter_rows
from ai_mixer.utils.torchaudio_shim import torchaudio

LOWEST_HZ = 30.0
# What is measured exactly comes in large, what mixes everything comes in small: Adam moves all
# weights alike, so a feature's size is the speed at which it is learned.
FEATURE_SCALE = {
    "pictures": 0.3,
    "long_term": 1.0,
    "levels": 2.0,
    "measured": 24.0,
    "compressor": 48.0,
    "echoes": 3.0,
}
VERSION = 2  # of what is heard; another keeps and learns apart
BLIND, PAIRED = CONDITIONS.index("blind"), CONDITIONS.index("paired")


class FeatureExtractor(nn.Module):
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
        self.sample_rate, self.n_mels, self.n_fft, self.hop = sample_rate, n_mels, n_fft, hop
        bands = torchaudio.functional.melscale_fbanks(
            n_fft // 2 + 1, LOWEST_HZ, sample_rate / 2, n_mels, sample_rate, norm="slaney"
        )
        # Per-band energy that does not depend on the frame length.
        self.register_buffer("bands", bands / n_fft, persistent=False)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.echoes = CepstrumFeatures(sample_rate)

    @property
    def sizes(self) -> dict[str, int]:
        """How many numbers each part of the statistics has, in their order."""
        return {
            "pictures": 2 * LOG_MEL_CHANNELS * self.n_mels,  # mean and spread
            "long_term": LOG_MEL_CHANNELS * self.n_mels,
            "levels": 3 * system_identification.QUANTILES,
            "measured": 2 * self.n_mels + 2 * system_identification.QUANTILES,
            "compressor": sought.N_ESTIMATES,
            "echoes": self.echoes.n_features,
        }

    @property
    def n_statistics(self) -> int:
        """Length of the statistics vector."""
        return sum(self.sizes.values())

    def named_statistics(self, statistics: Tensor) -> dict[str, Tensor]:
        """[B, n_statistics] → the parts by name, [B, size] each."""
        cut = torch.split(statistics, list(self.sizes.values()), dim=1)
        return dict(zip(self.sizes, cut, strict=True))

    @torch.no_grad()
    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [B, 6, mels, frames] and statistics [B, n_statistics]."""
        ears = (self.feature_config, rough.device, rough.dtype)
        return extract_once(ears, (rough, reference, condition), self._extract)

    def _extract(
        self, rough: Tensor, reference: Tensor, condition: Tensor
    ) -> tuple[Tensor, Tensor]:
        given, paired = (condition != BLIND).to(rough.dtype), condition == PAIRED
        heard, wanted = UniqueRows(rough), UniqueRows(reference)
        spectra = self._spectra(heard.rows), self._spectra(wanted.rows)
        levels = (
            heard.to_all_rows(self._bands(spectra[0])),
            wanted.to_all_rows(self._bands(spectra[1])),
        )
        shown, over_time, long_term = log_mel_features(*levels, given)
        # Dear, and meaningless unless paired: measured on those songs alone.
        measured, compressor = self._system_features(
            rough[paired], spectra[0][heard.index[paired]], spectra[1][wanted.index[paired]]
        )
        tracks = (
            heard.to_all_rows(self._quantiles(heard.rows)),
            wanted.to_all_rows(self._quantiles(wanted.rows)),
        )
        statistics = {
            "pictures": over_time,
            "long_term": long_term,
            "levels": level_channels(*tracks, given),
            "measured": scatter_rows(paired, measured),
            "compressor": scatter_rows(paired, compressor),
            "echoes": self.echoes(heard, wanted, condition),
        }
        scaled = [FEATURE_SCALE[name] * numbers for name, numbers in statistics.items()]
        return shown, torch.cat(scaled, dim=1)

    @property
    def feature_config(self) -> tuple[int, ...]:
        """What two front ends that hear the same have in common."""
        return self.sample_rate, self.n_mels, self.n_fft, self.hop, VERSION

    def extract_cacheable(
        self, rough: Tensor, reference: Tensor, finished: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What there is to hear in an example, whatever the condition: [B, C, T] each.

        Levels [B, 3, 2, mels, frames] of rough, reference and finished, mid and side, about ±2; and
        the statistics under each condition, [B, 3, n_statistics].
        """
        songs = len(rough)
        condition = torch.arange(len(CONDITIONS), device=rough.device).repeat_interleave(songs)
        wanted = torch.cat([torch.zeros_like(reference), reference, finished])
        shown, statistics = self(rough.repeat(len(CONDITIONS), 1, 1), wanted, condition)
        _, other, same = shown.split(songs)
        levels = torch.stack([other[:, :2], other[:, 2:4], same[:, 2:4]], dim=1)
        return levels, statistics.unflatten(0, (-1, songs)).transpose(0, 1)

    def from_cache(self, levels: Tensor, statistics: Tensor, condition: Tensor) -> Features:
        """What `forward` gives under a condition [B], from what was kept."""
        every = torch.arange(len(condition), device=condition.device)
        given = (condition != BLIND).to(levels.dtype)
        shown = restore_channels(levels[:, 0], levels[every, condition.clamp_min(1)], given)
        return Features(shown, statistics[every, condition])

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

    def _bands(self, spectra: Tensor) -> Tensor:
        """Energy per mel band: [U, 2, F, frames] → [U, 2, mels, frames]"""
        return (power(spectra).transpose(-1, -2) @ self.bands).transpose(-1, -2)

    def _quantiles(self, audio: Tensor) -> Tensor:
        """Peak levels by quantile: [U, C, T] → [U, QUANTILES], dB."""
        frames = 1 + audio.shape[-1] // self.hop
        return system_identification.quantiles(
            system_identification.level_track_db(audio, self.hop, frames)
        )

    def _system_features(
        self, rough: Tensor, heard: Tensor, wanted: Tensor
    ) -> tuple[Tensor, Tensor]:
        """From rough to finished: response per band, gain by quantile and over level; and the
        compressor that would explain the gain.
        """
        found = system_identification.identify_system(heard, wanted)
        levels = system_identification.level_track_db(rough, self.hop, heard.shape[-1])
        response = system_identification.response_db(found, heard, self.bands).clamp(-40.0, 40.0)
        gain = found.gain_db
        curves = [
            response.flatten(1),
            system_identification.quantiles(gain),
            system_identification.gain_by_level(levels, gain),
        ]
        compressor = sought.estimate_compressor(
            rough, gain, found.frame_weights, self.hop, self.sample_rate
        )
        return torch.cat(curves, dim=1) / DIFFERENCE_SCALE_DB, compressor
