"""Tracks, knobs and finished mix of one example of the task `remix`."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai_mixer.console import ConsoleGraph
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.track_batch import TrackExample
from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.true_peak import true_peak
from ai_mixer.tasks.remix_strips import FADER, StripInverter

MIX_LUFS = -23.0  # of the sum of the stems: peaks stay below the limiter of the master
MAX_PEAK = 10.0 ** (-1.0 / 20.0)
SILENT_LUFS = -55.0  # a stem below this in a mix at MIX_LUFS is not there
FADER_MARGIN_DB = 3.0  # for what EQ and compressor change of the loudness of a track
RAW_GAIN_RANGE_DB = 12.0  # recorded levels differ by so much to both sides of equal loudness


class RemixDraws(NamedTuple):
    """Random numbers 0–1 of one example.

    strips: [N, Ps] positions. active: [N, effects] bool. sent: [N, sends] bool. buses: [Pb]
    positions. raw_gain: [N].
    """

    strips: Tensor
    active: Tensor
    sent: Tensor
    buses: Tensor
    raw_gain: Tensor

    def select(self, rows: Tensor) -> "RemixDraws":
        """The draws of some tracks."""
        per_track = {name: getattr(self, name)[rows] for name in self._fields if name != "buses"}
        return self._replace(**per_track)


class RemixMaker:
    """Makes examples with one console."""

    def __init__(self, console: ConsoleGraph) -> None:
        self.console = console
        self.invert = StripInverter(console.strip)
        self.effects = len(console.strip.knobs)

    @torch.no_grad()
    def make(
        self, stems: Tensor, roles: Tensor, sample_rate: int, draws: RemixDraws
    ) -> tuple[TrackExample, Callable[[Tensor], Tensor]]:
        """One example without reference, and a function that mixes the same stems elsewhere."""
        gain = _mix_gain(stems, sample_rate)
        loudness = loudness_lufs(stems * gain, sample_rate)
        heard = loudness > SILENT_LUFS
        if not heard.any():
            raise ValueError("all stems are silent in this excerpt")
        draws, target_lufs = draws.select(heard), self._target_lufs(loudness[heard])
        strips = self.invert(
            stems[heard] * gain,
            draws.strips[:, : self.effects],
            draws.active,
            target_lufs,
            sample_rate,
        )
        sends = torch.where(draws.sent, draws.strips[:, self.effects :], 0.0)
        finished = self._mix(strips.stems, sends, draws.buses, sample_rate)
        if true_peak(finished[None]) > MAX_PEAK:
            sends = torch.zeros_like(sends)
            finished = self._mix(strips.stems, sends, draws.buses, sample_rate)
        neutral, used = self.console.neutral(1), self._bus_is_used(sends)
        knobs = GraphKnobs(
            torch.cat([strips.knobs, sends], 1)[None],
            torch.where(used, draws.buses, neutral.buses[0].double())[None],
            neutral.master.double(),
        )
        mask = GraphKnobs(
            torch.cat([strips.mask, torch.ones_like(sends, dtype=torch.bool)], 1)[None],
            used[None],
            torch.zeros_like(neutral.master, dtype=torch.bool),
        )
        example = TrackExample(
            rough=strips.tracks.sum(0),
            finished=finished,
            reference=torch.zeros_like(finished),
            condition=0,
            knobs=knobs.flat()[0].float(),
            mask=mask.flat()[0],
            genre=-1,
            sample_rate=sample_rate,
            song_id="",
            tracks=strips.tracks,
            track_mask=torch.ones(len(strips.tracks), dtype=torch.bool),
            roles=roles[heard],
            raw_gain_db=((2.0 * draws.raw_gain - 1.0) * RAW_GAIN_RANGE_DB).float(),
            strip_knobs=knobs.strips.shape[-1],
        )

        def mix_again(others: Tensor) -> Tensor:
            return self._mix(others[heard] * gain, sends, draws.buses, sample_rate)

        return example, mix_again

    def _target_lufs(self, loudness: Tensor) -> Tensor:
        """Loudness of the tracks: the mean of the stems, more if a fader could not reach one."""
        fader = self.console.strip.knobs[self.invert.column[FADER]]
        return torch.maximum(loudness.mean(), loudness.max() - fader.high + FADER_MARGIN_DB)

    def _mix(self, stems: Tensor, sends: Tensor, buses: Tensor, sample_rate: int) -> Tensor:
        """Sum of the stems and the outputs of the buses, [2, T]: the master is neutral."""
        mix = stems.sum(0)
        for column, (bus, knob) in enumerate(self.console.sends.items()):
            if (sends[:, column] > 0).any():
                ratio = knob.to_physical(sends[:, column]).to(stems)
                sent = torch.einsum("n,nct->ct", ratio, stems)[None]
                own = buses[self._bus_of_knob() == bus][None]
                mix = mix + self.console.buses[bus](sent, sample_rate, own, limit=False)[0]
        return mix

    def _bus_is_used(self, sends: Tensor) -> Tensor:
        """Whether each knob of the buses is of one that receives something, [Pb] bool."""
        used = [bus for n, bus in enumerate(self.console.sends) if (sends[:, n] > 0).any()]
        return torch.from_numpy(np.isin(self._bus_of_knob(), used))

    def _bus_of_knob(self) -> NDArray[np.str_]:
        """Name of the bus of each knob of the buses, [Pb]."""
        return np.array([bus for bus, own in self.console.layout.buses.items() for _ in own], str)


def _mix_gain(stems: Tensor, sample_rate: int) -> Tensor:
    """Gain of all stems: their sum at MIX_LUFS, or less if it has high peaks."""
    mix = stems.sum(0, keepdim=True)
    gain = db_to_ratio(MIX_LUFS - loudness_lufs(mix, sample_rate))
    return torch.minimum(gain, MAX_PEAK / true_peak(mix).clamp_min(1e-9))
