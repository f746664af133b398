"""Second-order filters in series as one operator, with a hand-written gradient."""

from torch import Tensor

from ai_mixer.dsp.biquad_lanes import filter_lanes
from ai_mixer.dsp.biquad_pairs import filter_pairs
from ai_mixer.dsp.filters_in_series import COEFFICIENTS

MIN_ROWS = 8  # with fewer, lanes of the vectors would have nothing to do


def biquad_cascade(x: Tensor, sections: Tensor) -> Tensor:
    """Filters in series, each as `recursions.biquad`, with float64 between them.

    x: [B, C, T]. sections: [B, S, 5], S ≥ 1: b₀, b₁, b₂, a₁, a₂ of each filter, a₀ = 1. Returns
    [B, C, T] in x's dtype. Exact derivatives of any order to both. ValueError for other shapes.
    """
    if x.ndim != 3 or sections.ndim != 3 or sections.shape[::2] != (len(x), COEFFICIENTS):
        raise ValueError(
            f"biquad_cascade: needs x [B, C, T] and sections [B, S, {COEFFICIENTS}], "
            f"got {list(x.shape)} and {list(sections.shape)}"
        )
    many = x.shape[0] * x.shape[1] >= MIN_ROWS
    return filter_lanes(x, sections) if many else filter_pairs(x, sections)
