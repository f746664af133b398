"""Inversion of stems through strips with drawn knobs, to tracks of one loudness."""

from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.tasks.mono_tracks import measure_pan, project_to_mono

MAX_TRACK_PEAK = 10.0 ** (40.0 / 20.0)  # louder than any recording: the inverse is not usable
STEREO_PAN_SHARE = 0.5  # of the range, for stereo tracks: a channel at −40 dB cannot be inverted
THRESHOLD_LU = (-24.0, 0.0)  # drawn relative to the loudness of a track: most act on it
MASKED = ("trim_db", "compressor_makeup_db")  # one product with the fader
THRESHOLD, RATIO, PAN, WIDTH, FADER = (
    "compressor_threshold_db", "compressor_ratio", "pan", "width", "fader_db",
)  # fmt: skip


class Strips(NamedTuple):
    """Tracks [N, 2, T] that the knobs [N, P] turn into `stems`; mask: [N, P], has a target.

    stems: as given, but mono where they are mono up to pan and rounding.
    """

    stems: Tensor
    tracks: Tensor
    knobs: Tensor
    mask: Tensor


class StripInverter:
    """Draws the knobs of strips and inverts them; `console`: the chain of one strip."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.neutral = console.neutral.double()
        names = console.names
        self.column = {name: n for n, name in enumerate(names)}
        self.drawn = console.invertible & torch.tensor([n not in (*MASKED, FADER) for n in names])
        self.effect_of_knob = torch.tensor(
            [n for n, (_, own) in enumerate(console.effects_with_columns()) for _ in own]
        )
        self.dynamics = torch.tensor([name.startswith("compressor_") for name in names])

    def __call__(
        self, stems: Tensor, draws: Tensor, active: Tensor, target_lufs: Tensor, rate: int
    ) -> Strips:
        """Invert stems [N, 2, T].

        draws: positions [N, P]. active: [N, effects] bool, False: the effect is neutral.
        target_lufs: of the tracks, as far as the range of the fader allows.

        Knobs that cannot be used are neutral: those that are not audible (a compressor at its cap
        would still be a gain), those of a track whose inverse is extremely loud, and a compressor
        whose threshold would be out of range. That depends on the other knobs, hence the loop.
        """
        pan, is_mono = measure_pan(stems)
        stems = project_to_mono(stems, pan, is_mono)
        active = active[:, self.effect_of_knob]
        knobs = self._positions(draws, active, pan, is_mono)
        wanted = self._threshold(draws, target_lufs)
        tracks, audible = torch.empty_like(stems), torch.empty_like(active)
        gain_db, threshold = self._gain_db(stems, target_lufs, rate), torch.empty_like(wanted)
        rows = torch.arange(len(stems))
        while len(rows):
            # A gain before a compressor moves its threshold: this is the one at the stem's level.
            used, column = knobs[rows], self.column[THRESHOLD]
            used[:, column] = self._moved(wanted[rows], -gain_db[rows]).clamp(0.0, 1.0)
            tracks[rows], audible[rows] = self.console.invert_with_audibility(
                stems[rows], rate, used
            )
            gain_db[rows] = self._gain_db(tracks[rows], target_lufs, rate)
            threshold[rows] = self._moved(used[:, column], gain_db[rows])
            reset = self._unusable(tracks, audible, threshold) & (knobs != self.neutral)
            knobs = torch.where(reset, self.neutral, knobs)
            rows = reset.any(1).nonzero()[:, 0]
        compressor = knobs[:, self.column[RATIO]] != self.neutral[self.column[RATIO]]
        knobs[:, self.column[THRESHOLD]] = torch.where(
            compressor, threshold, self.neutral[self.column[THRESHOLD]]
        )
        fader = self.console.knobs[self.column[FADER]]
        knobs[:, self.column[FADER]] = fader.to_position(-gain_db.double()).clamp(0.0, 1.0)
        mask = self.drawn & audible & (compressor[:, None] | ~self.dynamics)
        mask[:, self.column[RATIO]] |= ~active[:, self.column[RATIO]]
        mask[:, self.column[FADER]] = (-gain_db > fader.low) & (-gain_db < fader.high)
        tracks = tracks * db_to_ratio(gain_db).to(tracks)[:, None, None]
        return Strips(stems, tracks, knobs, mask)

    def _positions(self, draws: Tensor, active: Tensor, pan: Tensor, is_mono: Tensor) -> Tensor:
        """Positions [N, P]: drawn, measured, or neutral."""
        knobs = torch.where(self.drawn & active, draws, self.neutral)
        pan_knob, column = self.console.knobs[self.column[PAN]], self.column[PAN]
        measured = pan_knob.to_position(pan).clamp(0.0, 1.0)
        stereo = self.neutral[column] + STEREO_PAN_SHARE * (knobs[:, column] - self.neutral[column])
        knobs[:, column] = torch.where(is_mono, measured, stereo)
        width = self.column[WIDTH]
        knobs[:, width] = torch.where(is_mono, self.neutral[width], knobs[:, width])
        return knobs

    def _threshold(self, draws: Tensor, target_lufs: Tensor) -> Tensor:
        """Positions of the thresholds for tracks at `target_lufs`, [N]."""
        low, high = THRESHOLD_LU
        knob, drawn = self.console.knobs[self.column[THRESHOLD]], draws[:, self.column[THRESHOLD]]
        return knob.to_position(target_lufs + low + drawn * (high - low)).clamp(0.0, 1.0)

    def _gain_db(self, audio: Tensor, target_lufs: Tensor, rate: int) -> Tensor:
        """Gain to the loudness of tracks; the fader that undoes it is within its range, [N]."""
        fader = self.console.knobs[self.column[FADER]]
        return (target_lufs - loudness_lufs(audio, rate)).clamp(-fader.high, -fader.low).double()

    def _moved(self, threshold: Tensor, gain_db: Tensor) -> Tensor:
        """Positions of thresholds after a gain before the compressor, [N]."""
        knob = self.console.knobs[self.column[THRESHOLD]]
        return knob.to_position(knob.to_physical(threshold) + gain_db)

    def _unusable(self, tracks: Tensor, audible: Tensor, threshold: Tensor) -> Tensor:
        """Knobs that must be neutral, [N, P] bool. A measured pan is always kept."""
        unusable = ~audible
        unusable |= self.dynamics & ((threshold < 0.0) | (threshold > 1.0))[:, None]
        unusable |= ~(tracks.abs().amax((1, 2)) <= MAX_TRACK_PEAK)[:, None]  # also NaN
        unusable[:, self.column[PAN]] = False
        return unusable & self.drawn
