"""A toy effect: a gain in dB, without a live form."""

from typing import ClassVar

from torch import Tensor

from ai_mixer.core.units import db_to_ratio
from ai_mixer.effects.effect import Effect


class Toy(Effect):
    """y = 10^(trim_db / 20) · x; 0 dB is neutral."""

    knob_names: ClassVar[tuple[str, ...]] = ("trim_db",)

    def forward(self, x: Tensor, sample_rate: int, *, trim_db: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; trim_db: [B]. Returns [B, C, T]."""
        return x * db_to_ratio(trim_db)[:, None, None]

    def invert(self, y: Tensor, sample_rate: int, *, trim_db: Tensor) -> Tensor:  # type: ignore[override]
        """The input for which `forward` returns y."""
        return self(y, sample_rate, trim_db=-trim_db)
