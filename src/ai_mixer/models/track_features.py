"""Input features of models of several tracks, without trained weights.

Per track: its tone, width, dynamics, and its share of all tracks in each band. With a reference:
what `track_separation` finds of the tracks in it. Under `paired`, what `track_identification` finds
of their strips: level, pan, width, EQ, gain over time, and what decays behind them.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d

from ai_mixer.core.track_batch import TrackFeatures
from ai_mixer.core.types import CONDITIONS
from ai_mixer.dsp.spectra import mid_side
from ai_mixer.models.track_identification import DECAYS_S, IdentifiedTracks, identify_tracks
from ai_mixer.models.track_separation import separate_tracks
from ai_mixer.models.unique_rows import UniqueRows
from ai_mixer.utils.torchaudio_shim import torchaudio

BLIND, PAIRED = CONDITIONS.index("blind"), CONDITIONS.index("paired")
BANDS, COARSE = 40, 10
N_FFT, HOP = 2048, 1024
LOWEST_HZ = 30.0
FLOOR_DB = -100.0
RANGE_DB, SCALE_DB = 40.0, 10.0  # differences are clamped to ± the first, divided by the second
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
LONG_N_FFT, LONG_HOP = 4096, 2048  # for what compares tracks with a mix
FINE = 128  # bands of the separation
GAIN_GROUPS = 6  # of the frames of a track, from quiet to loud
VERSION = 3


class _Song(NamedTuple):
    """spectra: [N, 2, F, frames], long. own: [N, ·]. tone: [N, bands], dB. total_…: [bands], dB."""

    spectra: Tensor
    own: Tensor
    tone: Tensor
    total_mid: Tensor
    total_side: Tensor


class TrackFeatureExtractor(nn.Module):
    """Tracks [B, N, C, T], their mask [B, N], a reference [B, 2, T] and its condition [B].

    The tracks need no common length with the reference, except under `paired`, where it is the
    finished mix of the same excerpt.
    """

    bands: Tensor
    long_bands: Tensor
    fine_bands: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        for name, n_fft, count in (
            ("bands", N_FFT, BANDS),
            ("long_bands", LONG_N_FFT, BANDS),
            ("fine_bands", LONG_N_FFT, FINE),
        ):
            filters = torchaudio.functional.melscale_fbanks(
                n_fft // 2 + 1, LOWEST_HZ, sample_rate / 2, count, sample_rate, norm="slaney"
            )
            self.register_buffer(name, filters / n_fft, persistent=False)
        self.own = 2 * BANDS + 3 * COARSE + len(QUANTILES) + 3
        self.compared = BANDS + 2 * COARSE + 5
        self.fitted = BANDS + 2 * COARSE + GAIN_GROUPS + len(DECAYS_S) + 7
        self.n_track = self.own + self.compared + self.fitted
        self.n_song = 6 * BANDS + COARSE + 1

    @property
    def feature_config(self) -> tuple[int, int]:
        """Equal for extractors with equal features."""
        return self.sample_rate, VERSION

    @torch.no_grad()
    def forward(
        self, tracks: Tensor, mask: Tensor, reference: Tensor, condition: Tensor
    ) -> TrackFeatures:
        """Features of each track and of the song. No gradient.

        Song by song, which bounds the memory; a song that is in a batch under several conditions is
        analysed once.
        """
        out = TrackFeatures(
            tracks.new_zeros(*mask.shape, self.n_track), tracks.new_zeros(len(mask), self.n_song)
        )
        unique = UniqueRows(tracks.flatten(1, 2))
        for number in range(len(unique.rows)):
            rows = (unique.index == number).nonzero()[:, 0].tolist()
            present = mask[rows[0]]
            song = self._analyse(tracks[rows[0], present].expand(-1, 2, -1))
            for row in rows:
                out.tracks[row, present], out.song[row] = self._compare(
                    song, reference[row], int(condition[row])
                )
        return out

    @torch.no_grad()
    def every_condition(
        self, tracks: Tensor, reference: Tensor, finished: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features of one example under each condition, to be cached.

        tracks: [N, 2, T]; reference, finished: [2, T]. Returns [3, N, F] and [3, S].
        """
        song = self._analyse(tracks.expand(-1, 2, -1))
        given = {"reference": reference, "paired": finished}
        pairs = [
            self._compare(song, given.get(name, finished), number)
            for number, name in enumerate(CONDITIONS)
        ]
        per_track, whole = zip(*pairs, strict=True)
        return torch.stack(per_track), torch.stack(whole)

    def _analyse(self, tracks: Tensor) -> "_Song":
        """What does not depend on the reference: tracks [N, 2, T]."""
        parts = mid_side(_spectra(tracks, N_FFT, HOP)).unbind(1)
        mid, side = (_levels(_power(part), self.bands) for part in parts)
        total_mid, total_side = (_sum_db(part.mean(-1)) for part in (mid, side))
        own = self._own(tracks, mid, side, total_mid)
        tone = mid.mean(-1) - mid.mean((-1, -2))[:, None]
        spectra = _spectra(tracks, LONG_N_FFT, LONG_HOP)
        return _Song(spectra, own, tone, total_mid, total_side)

    def _compare(self, song: "_Song", reference: Tensor, condition: int) -> tuple[Tensor, Tensor]:
        """Features of the tracks [N, F] and of the song [S] under a condition."""
        n = len(song.own)
        total = torch.cat([_relative(song.total_mid), song.total_side - song.total_mid])
        count = total.new_tensor([math.log2(n) / 3.0])
        if condition == BLIND:
            unknown = song.own.new_zeros(n, self.compared + self.fitted)
            nothing = total.new_zeros(self.n_song - len(total) - 1)
            return torch.cat([song.own, unknown], 1), torch.cat([_scaled(total), nothing, count])
        target = _spectra(reference, LONG_N_FFT, LONG_HOP)
        parts = mid_side(target[None])[0]
        mid, side = (_levels(_power(part), self.long_bands).mean(-1) for part in parts)
        fitted, rest = song.own.new_zeros(n, self.fitted), total.new_zeros(COARSE)
        if condition == PAIRED:
            fitted, rest = self._identified(song.spectra, target)
        compared = _scaled(mid - mid.mean() - song.tone)
        separated = self._separated(song.spectra, target)
        heard = torch.cat([_relative(mid), side - mid])
        difference = torch.cat([mid - song.total_mid, side - song.total_side])
        whole = [_scaled(total), _scaled(heard), _scaled(difference), rest, count]
        return torch.cat([song.own, compared, separated, fitted], 1), torch.cat(whole)

    def _own(self, tracks: Tensor, mid: Tensor, side: Tensor, total: Tensor) -> Tensor:
        """Tone, width, dynamics and share of each track, [N, own]."""
        level = mid.mean(-1)
        frames = mid.mean(-2)
        loud = frames.amax(-1, keepdim=True)
        quantiles = torch.quantile(frames - loud, torch.tensor(QUANTILES).to(frames), dim=-1)
        power = tracks.square().mean((-1, -2)).clamp_min(1e-12)
        crest = 20.0 * tracks.abs().amax((-1, -2)).clamp_min(1e-6).log10() - 10.0 * power.log10()
        parts = [
            _scaled(_relative(level)),
            _scaled(level - total),
            _coarse(_scaled(side.mean(-1) - level)),
            _coarse(mid.std(-1)) / SCALE_DB,
            _coarse(mid.diff(dim=-1).clamp_min(0.0).mean(-1)) / 3.0,
            _scaled(quantiles.movedim(0, -1)),
            crest[..., None] / SCALE_DB - 1.5,
            _scaled(10.0 * power.log10() + 30.0)[..., None],
            (frames > loud - 30.0).float().mean(-1, keepdim=True),
        ]
        return torch.cat(parts, -1)

    def _separated(self, x: Tensor, y: Tensor) -> Tensor:
        """What a reference says: tracks [N, 2, F, frames], reference [2, F, frames] → [N, ·]."""
        magnitude = (_power(x).mean(1).mT @ self.fine_bands).mT.sqrt()
        found = separate_tracks(magnitude, (_power(y).mT @ self.fine_bands).mT)
        columns = [
            _scaled(found.gain_db),
            _scaled(found.gain_db - found.gain_db.mean()),
            _scaled(found.share_db),
            found.pan,
            found.dominance.sqrt(),
        ]
        return torch.cat([_scaled(_pooled(found.tone_db, 2 * COARSE)), torch.stack(columns, 1)], 1)

    @property
    def band_centres_hz(self) -> Tensor:
        """Mean frequency of each band of `identify`, [BANDS] Hz."""
        hertz = torch.linspace(0.0, self.sample_rate / 2, len(self.long_bands))
        return (hertz @ self.long_bands) / self.long_bands.sum(0)

    @torch.no_grad()
    def identify(self, tracks: Tensor, finished: Tensor) -> IdentifiedTracks:
        """Strips of tracks [N, 2, T] in the finished mix [2, T] of the same excerpt."""
        return self._identify(*(_spectra(x, LONG_N_FFT, LONG_HOP) for x in (tracks, finished)))

    def _identify(self, x: Tensor, y: Tensor) -> IdentifiedTracks:
        frames = min(x.shape[-1], y.shape[-1])
        hop_s = LONG_HOP / self.sample_rate
        return identify_tracks(x[..., :frames], y[..., :frames], self.long_bands, hop_s)

    def _identified(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """What the finished mix says: tracks [N, 2, F, frames], mix → [N, fitted], [COARSE]."""
        found = self._identify(x, y)
        share = found.weight / found.weight.sum(1, keepdim=True).clamp_min(1e-12)
        left, right = (share * found.power).sum(-1).clamp_min(1e-6)
        level_db = 10.0 * ((left + right) / 2.0).log10()
        both_db = 10.0 * (found.power + 1e-6).log10()
        curve = (10.0 * (found.power.mean(0) + 1e-6).log10() - level_db[:, None]) * found.certainty
        balance = (both_db[1] - both_db[0]) * found.certainty
        pan = torch.atan2(right.sqrt(), left.sqrt()) * (4.0 / torch.pi) - 1.0
        gain_db = 20.0 * found.gain.log10()
        loud = found.level.amax(-1, keepdim=True)
        active = (found.level > 1e-3 * loud).float()
        std = ((gain_db.square() * active).sum(1) / active.sum(1).clamp_min(1.0)).sqrt()
        columns = [
            _scaled(level_db),
            _scaled(level_db - level_db.mean()),
            pan,
            _scaled(20.0 * found.width.clamp_min(1e-2).log10()),
            std / 3.0,
            *torch.quantile(gain_db / 3.0, torch.tensor([0.1, 0.9]).to(gain_db), dim=1),
            *(found.tails + 1e-4).log10() / 2.0,
        ]
        groups = _gain_by_level(gain_db * active, found.level) / 3.0
        parts = [_scaled(curve) * 2.0, _coarse(_scaled(balance)), _coarse(found.certainty), groups]
        rest = _coarse((found.residual + 1e-4).log10()[None])[0] / 2.0
        return torch.cat([*parts, torch.stack(columns, 1)], 1), rest


def _spectra(x: Tensor, n_fft: int, hop: int) -> Tensor:
    """[..., T] → complex [..., F, frames]."""
    flat = x.reshape(-1, x.shape[-1])
    flat = nn.functional.pad(flat, (0, max(0, n_fft - flat.shape[-1])))
    window = torch.hann_window(n_fft, device=x.device)
    spectra = torch.stft(flat, n_fft, hop, window=window, return_complex=True)
    return spectra.reshape(*x.shape[:-1], *spectra.shape[1:])


def _power(spectra: Tensor) -> Tensor:
    return torch.view_as_real(spectra).square().sum(-1)


def _levels(power: Tensor, bands: Tensor) -> Tensor:
    """[..., F, frames] → dB in bands [..., bands, frames]."""
    banded = torch.einsum("...ft,fb->...bt", power, bands)
    return 10.0 * (banded + 10.0 ** (FLOOR_DB / 10.0)).log10()


def _gain_by_level(gain: Tensor, level: Tensor) -> Tensor:
    """Mean gain of equal groups of frames, quietest to loudest: [N, frames] → [N, GAIN_GROUPS]."""
    ordered = gain.gather(-1, level.argsort(dim=-1))
    return _pooled(ordered, GAIN_GROUPS)


def _sum_db(levels_db: Tensor) -> Tensor:
    """Level of the sum of powers: [N, bands] → [bands]."""
    power = (10.0 ** (levels_db / 10.0)).sum(0)
    return 10.0 * power.clamp_min(10.0 ** (FLOOR_DB / 10.0)).log10()


def _relative(levels_db: Tensor) -> Tensor:
    return levels_db - levels_db.mean(-1, keepdim=True)


def _scaled(difference_db: Tensor) -> Tensor:
    return difference_db.clamp(-RANGE_DB, RANGE_DB) / SCALE_DB


def _coarse(bands: Tensor) -> Tensor:
    """[..., bands] → [..., COARSE]."""
    return _pooled(bands, COARSE)


def _pooled(x: Tensor, count: int) -> Tensor:
    """Means of equal parts of the last dimension, [..., count]."""
    return adaptive_avg_pool1d(x.reshape(-1, 1, x.shape[-1]), count).reshape(*x.shape[:-1], count)
