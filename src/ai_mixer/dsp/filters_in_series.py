"""Second-order filters in series, one after another: the definition of `dsp.biquad_cascade`."""

import torch
from torch import Tensor

from ai_mixer.dsp.recursions import biquad

COEFFICIENTS = 5  # of a filter: b₀ b₁ b₂ a₁ a₂


def filters_in_series(x: Tensor, sections: Tensor) -> Tensor:
    """`biquad_cascade` of one operator per filter."""
    for section in sections.unbind(1):
        b0, b1, b2, a1, a2 = section.unbind(1)
        x = biquad(x, torch.stack([b0, b1, b2], 1), torch.stack([torch.ones_like(a1), a1, a2], 1))
    return x
