"""Differences between the short-time levels of mixes and of a finished version."""

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.dsp.spectra import mid_side, third_octave_frames

FRAME_S = 4096 / 44100
FLOOR = 1e-4  # of a band's mean power; lower levels are not compared
EXCERPT_S = 5.0  # fitted first; then the whole audio
LEAD_IN_S = 1.2  # start of the excerpt that is not compared: tails and gains of the audio before


class LevelDifference:
    """Level differences in dB between mixes and the finished version: [points, N].

    rough, finished: [C, T]; lead_in_s: seconds at the start that are not compared.
    """

    def __init__(
        self, console: Console, rate: int, rough: Tensor, finished: Tensor, lead_in_s: float = 0.0
    ) -> None:
        self.console, self.rate, self.rough = console, rate, rough
        self.first_frame = round(lead_in_s / (FRAME_S / 2))
        target = _levels(finished[None], rate)
        self.floor = target.mean(dim=(1, 2), keepdim=True) * FLOOR + 1e-10
        self.target_db = 10.0 * torch.log10(target + self.floor)

    def __call__(self, points: Tensor) -> Tensor:
        """points: positions [points, P]."""
        roughs = self.rough.expand(len(points), -1, -1)
        mix = self.console(roughs, self.rate, points.to(roughs), limit=False)
        power = _levels(mix, self.rate)
        difference_db = 10.0 * torch.log10(power + self.floor) - self.target_db
        return difference_db[:, :, self.first_frame :].flatten(1).cpu()


def loudest_excerpt(audio: Tensor, rate: int) -> tuple[slice, float]:
    """Return the `EXCERPT_S` with the most energy in audio [C, T], and its lead-in in seconds."""
    length, hop = round(EXCERPT_S * rate), rate // 10
    if audio.shape[-1] <= length:
        return slice(None), 0.0
    energy = torch.nn.functional.pad(audio.double().square().sum(0).cumsum(0), (1, 0))
    start = hop * int((energy[length:] - energy[:-length])[::hop].argmax())
    return slice(start, start + length), LEAD_IN_S if start else 0.0


def _levels(x: Tensor, rate: int) -> Tensor:
    """[B, C, T] → mean squares [B, mid and side, frames, bands]."""
    return third_octave_frames(mid_side(x), rate, FRAME_S)
