"""Stereo width in two bands, and mono bass."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.filters import to_biquad
from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.recursions import biquad
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.width import side_is_audible


class BandWidth(Effect):
    """Scale the side, s = (l − r) / 2, by low_width below `frequency_hz` and by high_width above.

    The side is filtered by a low shelf (RBJ cookbook), the mid is kept. Knobs `low_width` and
    `high_width`: ratios, [B], above 0; 1 is neutral. Mono is unchanged. The knobs are inaudible if
    the energy of the side is at most `inaudible_db` relative to the mid. ValueError for a frequency
    that is not above 0.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("low_width", "high_width")

    def __init__(self, frequency_hz: float = 300.0, inaudible_db: float = -40.0) -> None:
        super().__init__()
        if frequency_hz <= 0.0:
            raise ValueError(f"frequency_hz: needs a value above 0, got {frequency_hz}")
        self.frequency_hz, self.inaudible_db = frequency_hz, inaudible_db

    def forward(  # type: ignore[override]
        self, x: Tensor, sample_rate: int, *, low_width: Tensor, high_width: Tensor
    ) -> Tensor:
        """x: [B, C, T]; knobs: [B]. Returns [B, C, T]."""
        arguments = (low_width, high_width, self.frequency_hz)
        return filter_side(x, evaluate(Formula.BAND_WIDTH, arguments, sample_rate))

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        arguments = ("low_width", "high_width", self.frequency_hz)
        return StreamingKernel(KernelKind.SIDE_FILTER, Formula.BAND_WIDTH, arguments)

    def invert(  # type: ignore[override]
        self, y: Tensor, sample_rate: int, *, low_width: Tensor, high_width: Tensor
    ) -> Tensor:
        """Return the input for which `forward` gives y."""
        return self(y, sample_rate, low_width=1 / low_width, high_width=1 / high_width)

    def audible(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """False for mono and near-mono input, [B] bool."""
        return side_is_audible(x, self.inaudible_db)


class MonoBass(Effect):
    """High-pass filter of the side, that of `LowCut`: the bass below its cut-off becomes mono.

    Knob `frequency_hz`: −3 dB of the side from 2 · off_hz on, above 0; off_hz is neutral. Mono is
    unchanged. No inverse: the side of the bass is lost.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("frequency_hz",)

    def __init__(self, off_hz: float = 10.0, inaudible_db: float = -40.0) -> None:
        super().__init__()
        if off_hz <= 0.0:
            raise ValueError(f"off_hz: needs a value above 0, got {off_hz}")
        self.off_hz, self.inaudible_db = off_hz, inaudible_db

    def forward(self, x: Tensor, sample_rate: int, *, frequency_hz: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; frequency_hz: [B]. Returns [B, C, T]."""
        arguments = (frequency_hz, self.off_hz)
        return filter_side(x, evaluate(Formula.LOW_CUT, arguments, sample_rate))

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        arguments = ("frequency_hz", self.off_hz)
        return StreamingKernel(KernelKind.SIDE_FILTER, Formula.LOW_CUT, arguments)

    def audible(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """False for mono and near-mono input, [B] bool."""
        return side_is_audible(x, self.inaudible_db)


def filter_side(x: Tensor, coefficients: Sequence[Tensor]) -> Tensor:
    """Filter the side of x, [B, C, T]. coefficients: b₀ b₁ b₂ a₁ a₂, [B] each."""
    if x.shape[1] == 1:
        return x
    side = (x[:, :1] - x[:, 1:]) / 2
    change = biquad(side, *to_biquad(coefficients)) - side
    return torch.cat([x[:, :1] + change, x[:, 1:] - change], dim=1)
