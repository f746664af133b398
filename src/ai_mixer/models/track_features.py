"""Input features of models of several tracks: long-term levels, without trained weights.

Per track: its tone, width, dynamics, and its share of all tracks in each band. With a reference:
the difference of the tones. Under `paired`, the finished mix is a sum of filtered tracks, and a
least squares fit in each band gives the gain of every track in both channels: level, pan and EQ.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d

from ai_mixer.core.types import CONDITIONS
from ai_mixer.dsp.spectra import mid_side
from ai_mixer.models.unique_rows import UniqueRows
from ai_mixer.utils.torchaudio_shim import torchaudio

BLIND, PAIRED = CONDITIONS.index("blind"), CONDITIONS.index("paired")
BANDS, COARSE = 40, 10
N_FFT, HOP = 2048, 1024
LOWEST_HZ = 30.0
FLOOR_DB = -100.0
RANGE_DB, SCALE_DB = 40.0, 10.0  # differences are clamped to ± the first, divided by the second
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
REGULARISATION = 1e-4  # of the least squares, relative to the mean power of the tracks
VERSION = 1


class TrackFeatures(NamedTuple):
    """tracks: [B, N, F], 0 where absent. song: [B, S]."""

    tracks: Tensor
    song: Tensor


class _Song(NamedTuple):
    """spectra: [N, 2, F, frames]. own: [N, ·]. tone: [N, bands], dB. total_…: [bands], dB."""

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
    window: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        filters = torchaudio.functional.melscale_fbanks(
            N_FFT // 2 + 1, LOWEST_HZ, sample_rate / 2, BANDS, sample_rate, norm="slaney"
        )
        self.register_buffer("bands", filters / N_FFT, persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.own = 2 * BANDS + 3 * COARSE + len(QUANTILES) + 3
        self.compared = BANDS
        self.fitted = BANDS + 2 * COARSE + 3
        self.n_track = self.own + self.compared + self.fitted
        self.n_song = 6 * BANDS + 1

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

    def _analyse(self, tracks: Tensor) -> "_Song":
        """What does not depend on the reference: tracks [N, 2, T]."""
        spectra = self._spectra(tracks)
        mid, side = (self._levels(part) for part in mid_side(spectra).unbind(1))
        total_mid, total_side = (_sum_db(part.mean(-1)) for part in (mid, side))
        own = self._own(tracks, mid, side, total_mid)
        tone = mid.mean(-1) - mid.mean((-1, -2))[:, None]
        return _Song(spectra, own, tone, total_mid, total_side)

    def _compare(self, song: "_Song", reference: Tensor, condition: int) -> tuple[Tensor, Tensor]:
        """Features of the tracks [N, F] and of the song [S] under a condition."""
        n = len(song.own)
        total = torch.cat([_relative(song.total_mid), song.total_side - song.total_mid])
        count = total.new_tensor([math.log2(n) / 3.0])
        if condition == BLIND:
            unknown = song.own.new_zeros(n, self.compared + self.fitted)
            nothing = total.new_zeros(4 * BANDS)
            return torch.cat([song.own, unknown], 1), torch.cat([_scaled(total), nothing, count])
        target = self._spectra(reference)
        mid, side = (self._levels(part).mean(-1) for part in mid_side(target[None])[0])
        compared = _scaled(mid - mid.mean() - song.tone)
        fitted = song.own.new_zeros(n, self.fitted)
        if condition == PAIRED:
            fitted = self._fit(song.spectra, target)
        heard = torch.cat([_relative(mid), side - mid])
        difference = torch.cat([mid - song.total_mid, side - song.total_side])
        whole = [_scaled(total), _scaled(heard), _scaled(difference), count]
        return torch.cat([song.own, compared, fitted], 1), torch.cat(whole)

    def _spectra(self, x: Tensor) -> Tensor:
        """[..., T] → complex [..., F, frames]."""
        flat = x.reshape(-1, x.shape[-1])
        flat = nn.functional.pad(flat, (0, max(0, N_FFT - flat.shape[-1])))
        spectra = torch.stft(flat, N_FFT, HOP, window=self.window, return_complex=True)
        return spectra.reshape(*x.shape[:-1], *spectra.shape[1:])

    def _levels(self, spectra: Tensor) -> Tensor:
        """[..., F, frames] → dB in bands [..., bands, frames]."""
        power = torch.view_as_real(spectra).square().sum(-1)
        banded = torch.einsum("...ft,fb->...bt", power, self.bands)
        return 10.0 * (banded + 10.0 ** (FLOOR_DB / 10.0)).log10()

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

    def _fit(self, x: Tensor, y: Tensor) -> Tensor:
        """Least squares in bands: tracks [N, 2, F, frames], mix [2, F, frames] → [N, fitted]."""
        frames = min(x.shape[-1], y.shape[-1])
        x, y = x[..., :frames], y[..., :frames]
        bands = self.bands.to(x.dtype)
        gram = torch.einsum("ncft,mcft->cfnm", x.conj(), x)
        cross = torch.einsum("ncft,cft->cfn", x.conj(), y)
        gram = torch.einsum("cfnm,fb->cbnm", gram, bands)
        cross = torch.einsum("cfn,fb->cbn", cross, bands)
        power = gram.diagonal(dim1=-2, dim2=-1).real  # [2, bands, N]
        floor = REGULARISATION * power.mean(-1, keepdim=True) + 1e-12
        gram = gram + torch.diag_embed(floor.expand_as(power)).to(gram.dtype)
        gains = torch.linalg.solve(gram, cross[..., None])[..., 0].abs()
        heard = power / (power + 10.0 * floor)  # 0–1: how far the gain is known
        gains_db = 20.0 * gains.clamp_min(1e-3).log10() * heard
        weight = power * heard
        share = weight / weight.sum(1, keepdim=True).clamp_min(1e-12)
        level = (share * gains_db).sum(1)  # [2, N]
        curve = gains_db.mean(0).T - level.mean(0)[:, None]
        balance = (gains_db[1] - gains_db[0]).T
        both = 10.0 ** (level / 20.0)
        pan = torch.atan2(both[1], both[0]) * (4.0 / torch.pi) - 1.0
        parts = [
            _scaled(curve),
            _coarse(_scaled(balance)),
            _coarse(heard.mean(0).T),
            _scaled(level.mean(0))[:, None],
            pan[:, None],
            _scaled(10.0 * both.square().mean(0).clamp_min(1e-6).log10())[:, None],
        ]
        return torch.cat(parts, 1)


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
    return adaptive_avg_pool1d(bands.reshape(-1, 1, bands.shape[-1]), COARSE).reshape(
        *bands.shape[:-1], COARSE
    )
