"""Speed: the tape runs faster or slower, and pitch and tempo with it."""

from fractions import Fraction

import numpy as np
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.dsp.resample import resample

MAX_DENOMINATOR = (
    64  # ratios up to 64/63: few phases to resample with, pitches within 1 cent of the drawn
)


class Speed(SingleVersionAugment):
    """Resampled by a ratio within ±range_cents (100 = a semitone, 6 % of tempo).

    Cheap and clean: no grain, no smear, transients as sharp as before. Of the finished side only.
    """

    def __init__(self, range_cents: float = 100.0, *, probability: float = 0.5) -> None:
        super().__init__("finished", probability)
        self.range_cents = range_cents

    def draw_parameters(self, rng: np.random.Generator) -> tuple[int, int]:
        """The ratio a : b, above 1 = faster."""
        return frequency_ratio(rng.uniform(-self.range_cents, self.range_cents))

    def source_seconds(self, params: tuple[int, int] | None) -> float:
        """The ratio."""
        return 1.0 if params is None else params[0] / params[1]

    def process(self, audio: Tensor, sample_rate: int, params: tuple[int, int]) -> Tensor:
        """audio: [C, T]. Returns [C, T · b / a]."""
        return resample(audio, *params)


def frequency_ratio(cents: float) -> tuple[int, int]:
    """A small ratio of frequencies near the interval.

    >>> frequency_ratio(100.0), frequency_ratio(-1200.0)
    ((53, 50), (1, 2))
    """
    found = Fraction(2.0 ** (cents / 1200.0)).limit_denominator(MAX_DENOMINATOR)
    return found.numerator, found.denominator
