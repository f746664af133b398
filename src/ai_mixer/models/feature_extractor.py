"""Input features of the models: log-mel spectrograms and statistics, without trained weights.

In dB, an EQ, a gain or a width change adds a constant to the spectrum: the difference between rough
and finished version shows the knobs almost directly. Averaged over time, the difference to another
excerpt of the same production still does: the long-term spectrum varies less within a production
than the console changes it.

Log-mel spectrograms: mid and side of the rough, of the reference, and of their difference.
Statistics: their mean and standard deviation over time (at four times the resolution), long-term
spectra, level quantiles, cepstra, and between rough and finished version the identified system
response and a compressor estimate.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS, Features
from ai_mixer.dsp.spectra import power
from ai_mixer.models import system_identification
from ai_mixer.models.cepstrum_features import CepstrumFeatures
from ai_mixer.models.compressor_estimator import N_ESTIMATES, estimate_compressor
from ai_mixer.models.log_mel import (
    DIFFERENCE_SCALE_DB,
    LOG_MEL_CHANNELS,
    level_channels,
    log_mel_features,
    restore_channels,
)
from ai_mixer.models.shared_features import extract_once
from ai_mixer.models.unique_rows import UniqueRows, apply_to_selected
from ai_mixer.utils.torchaudio_shim import torchaudio

LOWEST_HZ = 30.0
# Adam moves all weights at the same rate, so the scale of a feature is the speed at which it is
# learned: large for precise measurements, small for features that depend on every knob.
FEATURE_SCALE = {
    "log_mel": 0.3,
    "long_term": 1.0,
    "levels": 2.0,
    "system_response": 24.0,
    "compressor": 48.0,
    "cepstrum": 3.0,
}
VERSION = 2  # of the features: cached features and trained models of another one do not fit
BLIND, PAIRED = CONDITIONS.index("blind"), CONDITIONS.index("paired")


class FeatureExtractor(nn.Module):
    """[B, C, T] rough and reference → log-mel [B, 6, mels, frames] and statistics [B, S].

    Mono is treated as two equal channels (the side is at the minimum level). What a condition does
    not provide is zero: the reference and all differences when blind; the system response and the
    compressor estimate unless paired.
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
        # Dividing by n_fft makes the energy per band independent of the frame length.
        self.register_buffer("bands", bands / n_fft, persistent=False)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.echoes = CepstrumFeatures(sample_rate)

    @property
    def sizes(self) -> dict[str, int]:
        """Name → size of each part of the statistics, in order."""
        return {
            "log_mel": 2 * LOG_MEL_CHANNELS * self.n_mels,  # mean and standard deviation
            "long_term": LOG_MEL_CHANNELS * self.n_mels,
            "levels": 3 * system_identification.QUANTILES,
            "system_response": 2 * self.n_mels + 2 * system_identification.QUANTILES,
            "compressor": N_ESTIMATES,
            "cepstrum": self.echoes.n_features,
        }

    @property
    def n_statistics(self) -> int:
        """Length of the statistics vector."""
        return sum(self.sizes.values())

    def named_statistics(self, statistics: Tensor) -> dict[str, Tensor]:
        """Split [B, n_statistics] into its parts: name → [B, size]."""
        parts = torch.split(statistics, list(self.sizes.values()), dim=1)
        return dict(zip(self.sizes, parts, strict=True))

    @torch.no_grad()
    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel spectrograms [B, 6, mels, frames] and statistics [B, n_statistics].

        Without gradient: features have no trained weights, and a gradient to audio through them is
        not available. RuntimeError in one line inside `torch.export`.
        """
        if torch.compiler.is_exporting():
            raise RuntimeError(
                "torch.export cannot contain the features, whose shapes depend on their input: "
                "export the network alone, `model.predict(features, condition)`"
            )
        key = (self.feature_config, rough.device, rough.dtype)
        return extract_once(key, (rough, reference, condition), self._extract)

    def _extract(
        self, rough: Tensor, reference: Tensor, condition: Tensor
    ) -> tuple[Tensor, Tensor]:
        has_reference, paired = (condition != BLIND).to(rough.dtype), condition == PAIRED
        roughs, references = UniqueRows(rough), UniqueRows(reference)
        source, target = self._spectra(roughs.rows), self._spectra(references.rows)
        log_mel, over_time, long_term = log_mel_features(
            roughs.to_all_rows(self._bands(source)),
            references.to_all_rows(self._bands(target)),
            has_reference,
        )
        # Expensive, and meaningless unless paired: computed for the paired items only.
        response, compressor = apply_to_selected(
            lambda rough, i, j: self._system_features(rough, source[i], target[j]),
            paired,
            rough,
            roughs.index,
            references.index,
        )
        levels = level_channels(
            roughs.to_all_rows(self._quantiles(roughs.rows)),
            references.to_all_rows(self._quantiles(references.rows)),
            has_reference,
        )
        statistics = {
            "log_mel": over_time,
            "long_term": long_term,
            "levels": levels,
            "system_response": response,
            "compressor": compressor,
            "cepstrum": self.echoes(roughs, references, condition),
        }
        scaled = [FEATURE_SCALE[name] * part for name, part in statistics.items()]
        return log_mel, torch.cat(scaled, dim=1)

    @property
    def feature_config(self) -> tuple[int, ...]:
        """Sample rate, n_mels, n_fft, hop and version: what the features depend on."""
        return self.sample_rate, self.n_mels, self.n_fft, self.hop, VERSION

    def extract_cacheable(
        self, rough: Tensor, reference: Tensor, finished: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features of examples under all conditions, for the feature cache. Inputs: [B, C, T].

        Returns log-mel levels [B, 3, 2, mels, frames] of rough, reference and finished version, mid
        and side, about ±2; and the statistics under each condition, [B, 3, n_statistics].
        """
        songs = len(rough)
        condition = torch.arange(len(CONDITIONS), device=rough.device).repeat_interleave(songs)
        references = torch.cat([torch.zeros_like(reference), reference, finished])
        log_mel, statistics = self(rough.repeat(len(CONDITIONS), 1, 1), references, condition)
        _, with_reference, paired = log_mel.split(songs)
        levels = torch.stack([with_reference[:, :2], with_reference[:, 2:4], paired[:, 2:4]], dim=1)
        return levels, statistics.unflatten(0, (-1, songs)).transpose(0, 1)

    def from_cache(self, levels: Tensor, statistics: Tensor, condition: Tensor) -> Features:
        """Output of `forward` under a condition [B], from that of `extract_cacheable`."""
        every = torch.arange(len(condition), device=condition.device)
        has_reference = (condition != BLIND).to(levels.dtype)
        reference = levels[every, condition.clamp_min(1)]
        log_mel = restore_channels(levels[:, 0], reference, has_reference)
        return Features(log_mel, statistics[every, condition])

    def _spectra(self, audio: Tensor) -> Tensor:
        """Spectra of mid and side: [B, C, T] → [B, 2, F, frames]."""
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
        """Energy per mel band: [U, 2, F, frames] → [U, 2, mels, frames]."""
        return (power(spectra).transpose(-1, -2) @ self.bands).transpose(-1, -2)

    def _quantiles(self, audio: Tensor) -> Tensor:
        """Peak levels by quantile in dB: [U, C, T] → [U, QUANTILES]."""
        frames = 1 + audio.shape[-1] // self.hop
        levels = system_identification.level_track_db(audio, self.hop, frames)
        return system_identification.quantiles(levels)

    def _system_features(
        self, rough: Tensor, source: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """System response and compressor estimate, from rough [B, C, T] and the spectra
        [B, 2, F, frames] of rough and finished version.

        The response consists of the gain per band, the quantiles of the gain over time, and the
        gain by level.
        """
        system = system_identification.identify_system(source, target)
        levels = system_identification.level_track_db(rough, self.hop, source.shape[-1])
        response = system_identification.response_db(system, source, self.bands).clamp(-40.0, 40.0)
        gain = system.gain_db
        curves = [
            response.flatten(1),
            system_identification.quantiles(gain),
            system_identification.gain_by_level(levels, gain),
        ]
        compressor = estimate_compressor(
            rough, gain, system.frame_weights, self.hop, self.sample_rate
        )
        return torch.cat(curves, dim=1) / DIFFERENCE_SCALE_DB, compressor
