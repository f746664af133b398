"""Base class of effects that are one second-order filter."""

from torch import Tensor

from ai_mixer.dsp.biquad_cascade import filter_in_series
from ai_mixer.dsp.filters import Biquad
from ai_mixer.effects.effect import Effect


class FilterEffect(Effect):
    """A second-order filter; a console computes those in a row in one pass."""

    def forward(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """x: [B, C, T]; knobs: [B]. Returns [B, C, T]."""
        return filter_in_series(x, [self.biquad(sample_rate, **knobs)])

    def biquad(self, sample_rate: int, **knobs: Tensor) -> Biquad:
        """Coefficients of the filter. knobs: [B]."""
        raise NotImplementedError

    def is_only_filter(self) -> bool:
        """Whether `forward` is the filter alone: a derived class may override it."""
        return type(self).forward is FilterEffect.forward
