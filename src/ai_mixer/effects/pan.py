"""Pan of a mono track, balance of a stereo track: one gain for each channel."""

from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.effect import Effect

LOST_GAIN = 1e-5  # −100 dB: a channel that is attenuated more cannot be recovered


class Pan(Effect):
    """y_left = √2 cos(φ) · x_left, y_right = √2 sin(φ) · x_right, φ = (pan + 1) π / 4.

    The sine law of constant power (Blumlein 1931; Rumsey, "Spatial Audio", 2001), relative to the
    centre, so that 0 is neutral: the squares of both gains add up to 2. A mono track is a stereo
    signal with equal channels, which moves at constant power. A stereo track is balanced: one side
    falls to silence, the other one rises by at most 3 dB. Audio of one channel is unchanged.

    Knob `pan`: −1 (left) to 1 (right), [B].
    """

    knob_names: ClassVar[tuple[str, ...]] = ("pan",)

    def forward(self, x: Tensor, sample_rate: int, *, pan: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; pan: [B]. Returns [B, C, T]."""
        return x if x.shape[1] == 1 else x * _gains(x, pan, sample_rate)

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        return StreamingKernel(KernelKind.BALANCE, Formula.PAN, ("pan",))

    def invert(self, y: Tensor, sample_rate: int, *, pan: Tensor) -> Tensor:  # type: ignore[override]
        """Return the input for which `forward` gives y.

        A channel that is attenuated by more than 100 dB is lost: it is taken from the other one,
        which is exact for a mono track.
        """
        if y.shape[1] == 1:
            return y
        gains = _gains(y, pan, sample_rate)
        is_lost = gains < LOST_GAIN
        x = y / torch.where(is_lost, 1.0, gains)
        return torch.where(is_lost, x.flip(1), x)

    def audible(self, x: Tensor, sample_rate: int, *, pan: Tensor) -> Tensor:  # type: ignore[override]
        """False for audio of one channel, [B] bool."""
        return torch.full((len(x),), x.shape[1] > 1, dtype=torch.bool, device=x.device)


def _gains(x: Tensor, pan: Tensor, sample_rate: int) -> Tensor:
    """Gains of both channels, [B, 2, 1] in x's dtype."""
    return torch.stack(evaluate(Formula.PAN, (pan,), sample_rate), dim=1).to(x.dtype)[:, :, None]
