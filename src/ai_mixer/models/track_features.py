"""Input features of models of several tracks, without trained weights.

Per track: its tone, width, dynamics, and its share of all tracks in each band. With a reference:
what `track_separation` and `track_panning` find of the tracks in it. Under `paired`, what
`track_identification` finds of their strips: level, pan, width, EQ, gain over time, and what decays
behind them.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ai_mixer.core.track_batch import TrackFeatures
from ai_mixer.core.types import CONDITIONS
from ai_mixer.dsp.spectra import mid_side
from ai_mixer.models.track_identification import DECAYS_S, IdentifiedTracks, identify_tracks
from ai_mixer.models.track_levels import (
    COARSE,
    GAIN_GROUPS,
    SCALE_DB,
    band_levels_db,
    coarse,
    gain_by_level,
    pooled,
    power_of,
    relative,
    scaled,
    spectra_of,
    sum_of_levels_db,
)
from ai_mixer.models.track_panning import covariances, find_directions
from ai_mixer.models.track_separation import separate_tracks, spectral_templates
from ai_mixer.models.unique_rows import UniqueRows
from ai_mixer.utils.torchaudio_shim import torchaudio

BLIND, PAIRED = CONDITIONS.index("blind"), CONDITIONS.index("paired")
BANDS = 40
N_FFT, HOP = 2048, 1024
LOWEST_HZ = 30.0
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
LONG_N_FFT, LONG_HOP = 4096, 2048  # for what compares tracks with a mix
TONE_BANDS = 8
OWN_COMPACT = TONE_BANDS + 4 + len(QUANTILES) + 3
FINE = 128  # bands of the separation
VERSION = 4


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
        self.compared = BANDS + 2 * COARSE + 11
        self.fitted = BANDS + 2 * COARSE + GAIN_GROUPS + len(DECAYS_S) + 7
        self.n_track = self.own + self.compared + self.fitted
        self.n_compact = OWN_COMPACT + self.compared + self.fitted
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
            blind = bool((condition[rows] == BLIND).all())
            song = self._analyse(tracks[rows[0], present].expand(-1, 2, -1), not blind)
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

    def _analyse(self, tracks: Tensor, is_compared: bool = True) -> "_Song":
        """What does not depend on the reference: tracks [N, 2, T].

        Track by track, which bounds the memory; long spectra only if a reference is compared.
        """
        mid, side = torch.stack([self._levels(track) for track in tracks], 1)
        total_mid, total_side = (sum_of_levels_db(part.mean(-1)) for part in (mid, side))
        own = self._own(tracks, mid, side, total_mid)
        tone = mid.mean(-1) - mid.mean((-1, -2))[:, None]
        nothing = tracks.new_zeros(0)
        spectra = spectra_of(tracks, LONG_N_FFT, LONG_HOP) if is_compared else nothing
        return _Song(spectra, own, tone, total_mid, total_side)

    def _levels(self, track: Tensor) -> Tensor:
        """Mid and side of a track [2, T] in bands and frames, [2, bands, frames] dB."""
        return band_levels_db(
            power_of(mid_side(spectra_of(track[None], N_FFT, HOP))[0]), self.bands
        )

    def _compare(self, song: "_Song", reference: Tensor, condition: int) -> tuple[Tensor, Tensor]:
        """Features of the tracks [N, F] and of the song [S] under a condition."""
        n = len(song.own)
        total = torch.cat([relative(song.total_mid), song.total_side - song.total_mid])
        count = total.new_tensor([math.log2(n) / 3.0])
        if condition == BLIND:
            unknown = song.own.new_zeros(n, self.compared + self.fitted)
            nothing = total.new_zeros(self.n_song - len(total) - 1)
            return torch.cat([song.own, unknown], 1), torch.cat([scaled(total), nothing, count])
        target = spectra_of(reference, LONG_N_FFT, LONG_HOP)
        parts = mid_side(target[None])[0]
        mid, side = (band_levels_db(power_of(part), self.long_bands).mean(-1) for part in parts)
        fitted, rest = song.own.new_zeros(n, self.fitted), total.new_zeros(COARSE)
        if condition == PAIRED:
            fitted, rest = self._identified(song.spectra, target)
        compared = scaled(mid - mid.mean() - song.tone)
        separated = self._separated(song.spectra, target)
        spectra = torch.cat([relative(mid), side - mid])
        difference = torch.cat([mid - song.total_mid, side - song.total_side])
        whole = [scaled(total), scaled(spectra), scaled(difference), rest, count]
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
            scaled(relative(level)),
            scaled(level - total),
            coarse(scaled(side.mean(-1) - level)),
            coarse(mid.std(-1)) / SCALE_DB,
            coarse(mid.diff(dim=-1).clamp_min(0.0).mean(-1)) / 3.0,
            scaled(quantiles.movedim(0, -1)),
            crest[..., None] / SCALE_DB - 1.5,
            scaled(10.0 * power.log10() + 30.0)[..., None],
            (frames > loud - 30.0).float().mean(-1, keepdim=True),
        ]
        return torch.cat(parts, -1)

    def _separated(self, x: Tensor, y: Tensor) -> Tensor:
        """What a reference says: tracks [N, 2, F, frames], reference [2, F, frames] → [N, ·]."""
        own, mixture = covariances(x, self.fine_bands), covariances(y, self.fine_bands)
        magnitude = own[:, :2].mean(1).sqrt()
        templates = spectral_templates(magnitude)
        found = separate_tracks(templates, magnitude, mixture[:2])
        panned = find_directions(templates, own, mixture)
        columns = [
            scaled(found.gain_db),
            scaled(found.gain_db - found.gain_db.mean()),
            scaled(found.share_db),
            found.dominance.sqrt(),
            panned.angle,
            panned.own_angle,
            panned.angle - panned.own_angle,
            (panned.angle - panned.own_angle) * panned.share,
            panned.pan,
            panned.pan * panned.share,
            panned.share,
        ]
        return torch.cat([scaled(pooled(found.tone_db, 2 * COARSE)), torch.stack(columns, 1)], 1)

    def compact(self, features: Tensor) -> Tensor:
        """Features [..., n_track] with OWN_COMPACT of a track by itself: [..., n_compact].

        Tone in eight bands; means of share, width, movement and onsets; quantiles, crest, level and
        activity.
        """
        own, rest = torch.split(features, [self.own, self.compared + self.fitted], -1)
        sizes = [BANDS, BANDS, COARSE, COARSE, COARSE, len(QUANTILES) + 3]
        tone, *parts, others = torch.split(own, sizes, -1)
        means = [part.mean(-1, keepdim=True) for part in parts]
        return torch.cat([pooled(tone, TONE_BANDS), *means, others, rest], -1)

    @property
    def band_centres_hz(self) -> Tensor:
        """Mean frequency of each band of `identify`, [BANDS] Hz."""
        hertz = torch.linspace(0.0, self.sample_rate / 2, len(self.long_bands))
        return (hertz @ self.long_bands) / self.long_bands.sum(0)

    @torch.no_grad()
    def identify(self, tracks: Tensor, finished: Tensor) -> IdentifiedTracks:
        """Strips of tracks [N, 2, T] in the finished mix [2, T] of the same excerpt."""
        return self._identify(*(spectra_of(x, LONG_N_FFT, LONG_HOP) for x in (tracks, finished)))

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
            scaled(level_db),
            scaled(level_db - level_db.mean()),
            pan,
            scaled(20.0 * found.width.clamp_min(1e-2).log10()),
            std / 3.0,
            *torch.quantile(gain_db / 3.0, torch.tensor([0.1, 0.9]).to(gain_db), dim=1),
            *(found.tails + 1e-4).log10() / 2.0,
        ]
        groups = gain_by_level(gain_db * active, found.level) / 3.0
        parts = [scaled(curve) * 2.0, coarse(scaled(balance)), coarse(found.certainty), groups]
        rest = coarse((found.residual + 1e-4).log10()[None])[0] / 2.0
        return torch.cat([*parts, torch.stack(columns, 1)], 1), rest
