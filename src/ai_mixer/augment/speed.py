"""Change of speed: pitch and tempo together."""

from fractions import Fraction

import numpy as np
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.dsp.resample import resample

MAX_DENOMINATOR = 64  # few phases of the resampler, and pitch within 1 cent of the drawn interval


class Speed(SingleVersionAugment):
    """Resampling by a ratio within ±range_cents (100 = a semitone, 6 % of tempo).

    Fast and without artefacts: transients stay sharp. For the finished version only.
    """

    def __init__(self, range_cents: float = 100.0, *, probability: float = 0.5) -> None:
        super().__init__("finished", probability)
        self.range_cents = range_cents

    def draw_parameters(self, rng: np.random.Generator) -> tuple[int, int]:
        """Draw the ratio a : b; above 1 is faster."""
        return frequency_ratio(rng.uniform(-self.range_cents, self.range_cents))

    def source_seconds(self, params: tuple[int, int] | None) -> float:
        """Relative speed, 1 if not applied."""
        return 1.0 if params is None else params[0] / params[1]

    def process(self, audio: Tensor, sample_rate: int, params: tuple[int, int]) -> Tensor:
        """audio: [C, T]. Returns [C, T · b / a]."""
        return resample(audio, *params)


def frequency_ratio(cents: float, max_denominator: int = MAX_DENOMINATOR) -> tuple[int, int]:
    """Approximate an interval in cents by a ratio of small integers.

    >>> frequency_ratio(100.0), frequency_ratio(-1200.0)
    ((53, 50), (1, 2))
    """
    ratio = Fraction(2.0 ** (cents / 1200.0)).limit_denominator(max_denominator)
    return ratio.numerator, ratio.denominator
