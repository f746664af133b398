"""Output layers: features → knob positions in 0–1, both ends included, and uncertainty."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS

INITIAL_UNCERTAINTY = 0.25  # of the knob's range
MIN_UNCERTAINTY = 1e-3


def stretched_sigmoid(logits: Tensor, stretch: float = 0.5) -> Tensor:
    """Sigmoid stretched to (−stretch, 1 + stretch) and clamped to 0–1.

    A plain sigmoid reaches 0 and 1 only at infinity, but neutral is at the end of the range of many
    knobs (reverb 0, ratio 1). The clamp is a straight-through estimator: its gradient is one, so a
    position outside 0–1 can return. With a stretch of 0.5 the function is nearly linear over 0–1:
    knobs are linear in decibels, and with a stronger curvature the error was a third larger
    (docs/decisions/0034-compressor-estimation.md).
    """
    stretched = torch.sigmoid(logits) * (1.0 + 2.0 * stretch) - stretch
    return stretched + (stretched.clamp(0.0, 1.0) - stretched).detach()


class KnobHead(nn.Module):
    """Linear layer and stretched sigmoid: [B, features] → [B, P] in 0–1, initially about 0.5."""

    def __init__(self, features: int, n_knobs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, n_knobs)
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Features to positions."""
        return stretched_sigmoid(self.linear(features))


class PerKnobHead(nn.Module):
    """One small perceptron per knob: [B, P, width], [B, features] → [B, P] in 0–1.

    Its inputs are the features of that knob and those shared by all knobs. Initially about 0.5.
    """

    def __init__(self, width: int, features: int, n_knobs: int, hidden: int = 32) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.randn(n_knobs, width + features, hidden) * 0.05)
        self.own_bias = nn.Parameter(torch.zeros(n_knobs, hidden))
        self.direct = nn.Linear(features, n_knobs)
        self.last = nn.Parameter(torch.randn(n_knobs, hidden) * 0.01)
        nn.init.normal_(self.direct.weight, std=0.01)
        nn.init.zeros_(self.direct.bias)

    def forward(self, per_knob: Tensor, shared: Tensor) -> Tensor:
        """Features to positions."""
        expanded = shared[:, None].expand(-1, per_knob.shape[1], -1)
        inputs = torch.cat([per_knob, expanded], dim=-1)
        hidden = torch.einsum("bpf,pfh->bph", inputs, self.own) + self.own_bias
        nonlinear = (nn.functional.gelu(hidden) * self.last).sum(-1)
        return stretched_sigmoid(self.direct(shared) + nonlinear)


class PerConditionHead(nn.Module):
    """One head per condition, each built by kind(*args); every item uses that of its condition.

    With a shared head, backbone features that are needed when blind act as noise when paired, where
    the system response determines the knobs. The cost: a large backbone then memorises a small
    number of songs, so this is for small backbones (decision 0034).
    """

    def __init__(self, kind: Callable[..., nn.Module], *args: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(kind(*args) for _ in CONDITIONS)

    def forward(self, *features: Tensor, condition: Tensor) -> Tensor:
        """Features [B, …] and condition [B] → [B, P]."""
        positions = torch.stack([head(*features) for head in self.heads], dim=1)
        return positions[torch.arange(len(condition), device=condition.device), condition]


class UncertaintyHead(nn.Module):
    """Expected absolute error of each knob: [B, features] → [B, P], above 0. Initially 0.25.

    0.25 is the mean absolute error of a constant 0.5 if positions are uniform in 0–1.
    """

    def __init__(self, features: int, n_knobs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, n_knobs)
        nn.init.zeros_(self.linear.weight)
        nn.init.constant_(self.linear.bias, math.log(math.expm1(INITIAL_UNCERTAINTY)))

    def forward(self, features: Tensor) -> Tensor:
        """Features to expected absolute errors, in units of the knob's range."""
        return nn.functional.softplus(self.linear(features)).clamp_min(MIN_UNCERTAINTY)
