"""Reverb and echo of a reference that a song lacks, as positions of two knobs.

Regression (`profile_regression`) on the profiles of both: for the reverb on their difference and on
that of the reference, for the echo on the peaks of the cepstrum alone. Examples are finished songs,
of which one excerpt got reverb and echo, with an excerpt of the same song or of another one as the
song. A position that songs without added reverb or echo reach is not certain, and becomes 0.
"""

import torch
from torch import Tensor, nn

from ai_mixer.models.profile_regression import ProfileRegression

KNOBS = ("reverb", "delay")
N_ECHO_VALUES = 2  # at the end of a profile


class Ambience(nn.Module):
    """[B, F] profiles of song and reference → [B, 2] positions of `KNOBS`, 0 where not certain.

    size: examples that are kept.
    """

    least: Tensor

    def __init__(self, n_values: int, size: int) -> None:
        super().__init__()
        self.reverb = ProfileRegression(2 * n_values, 1, size, 0.25, 0.1)
        self.delay = ProfileRegression(2 * N_ECHO_VALUES, 1, size, 2.0, 0.1)
        self.register_buffer("least", torch.zeros(len(KNOBS)))

    def fit(self, song: Tensor, reference: Tensor, positions: Tensor) -> None:
        """Fit to profiles [N, F] and the positions [N, 2] that were added to the references."""
        for n, (regression, inputs) in enumerate(self._inputs(song, reference)):
            regression.fit(inputs, positions[:, n : n + 1])

    def estimate(self, song: Tensor, reference: Tensor) -> Tensor:
        """Positions [B, 2], certain or not."""
        found = [regression(inputs) for regression, inputs in self._inputs(song, reference)]
        return torch.cat(found, 1).clamp(0.0, 1.0)

    def forward(self, song: Tensor, reference: Tensor) -> Tensor:
        """[B, F], [B, F] → [B, 2]."""
        positions = self.estimate(song, reference)
        return torch.where(positions >= self.least, positions, 0.0)

    def _inputs(self, song: Tensor, reference: Tensor) -> list[tuple[ProfileRegression, Tensor]]:
        echoes = [x[:, -N_ECHO_VALUES:] for x in (song, reference)]
        return [
            (self.reverb, torch.cat([reference - song, reference], 1)),
            (self.delay, torch.cat(echoes, 1)),
        ]
