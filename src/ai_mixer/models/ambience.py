"""Reverb and echo of a song, and of a reference, as positions of two knobs.

Regressions (`profile_regression`) on profiles (`faults.ambience_profile`). Of a reference: what it
has and the song lacks, from the difference of both profiles and that of the reference. Of a song:
what it has already, beyond finished music, from its profile. The echo is always told by the peaks
of the cepstrum alone. Examples are finished songs, of which one excerpt got reverb and echo. A
position that songs without added reverb or echo reach is not certain, and becomes 0.
"""

import torch
from torch import Tensor, nn

from ai_mixer.models.profile_regression import ProfileRegression

KNOBS = ("reverb", "delay")
N_ECHO_VALUES = 2  # at the end of a profile


class AmbienceRegression(nn.Module):
    """Inputs of each of `KNOBS`, [B, F] → [B, 2] positions, 0 where not certain.

    n_values: F of each. size: examples that are kept. kernel_scale: γ of each.
    """

    least: Tensor

    def __init__(
        self, n_values: tuple[int, int], size: int, kernel_scale: tuple[float, float]
    ) -> None:
        super().__init__()
        self.reverb, self.delay = (
            ProfileRegression(n, 1, size, scale, 0.1)
            for n, scale in zip(n_values, kernel_scale, strict=True)
        )
        self.register_buffer("least", torch.zeros(len(KNOBS)))

    def fit(self, inputs: tuple[Tensor, Tensor], positions: Tensor) -> None:
        """Fit to the positions [N, 2] that were added."""
        for n, regression in enumerate((self.reverb, self.delay)):
            regression.fit(inputs[n], positions[:, n : n + 1])

    def estimate(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """Positions [B, 2], certain or not."""
        found = [self.reverb(inputs[0]), self.delay(inputs[1])]
        return torch.cat(found, 1).clamp(0.0, 1.0)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """[B, F] of each knob → [B, 2]."""
        positions = self.estimate(inputs)
        return torch.where(positions >= self.least, positions, 0.0)


class Ambience(nn.Module):
    """Profiles → positions of `KNOBS`. n_values: of a profile. sizes: examples of both kinds."""

    def __init__(self, n_values: int, size_reference: int, size_song: int) -> None:
        super().__init__()
        echo = N_ECHO_VALUES
        self.reference = AmbienceRegression((2 * n_values, 2 * echo), size_reference, (0.25, 2.0))
        self.song = AmbienceRegression((n_values, echo), size_song, (0.5, 2.0))

    def of_reference(self, song: Tensor, reference: Tensor) -> Tensor:
        """[B, F], [B, F] → [B, 2]: what the reference has and the song lacks."""
        positions: Tensor = self.reference(reference_inputs(song, reference))
        return positions

    def of_song(self, song: Tensor) -> Tensor:
        """[B, F] → [B, 2]: what the song has already."""
        positions: Tensor = self.song(song_inputs(song))
        return positions


def reference_inputs(song: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs of both knobs from profiles [B, F] of song and reference."""
    echoes = [x[:, -N_ECHO_VALUES:] for x in (song, reference)]
    return torch.cat([reference - song, reference], 1), torch.cat(echoes, 1)


def song_inputs(song: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs of both knobs from the profiles [B, F] of songs."""
    return song, song[:, -N_ECHO_VALUES:]
