"""The last layer of every model: features → knob positions, both edges of 0–1 within reach."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS

INITIAL_UNCERTAINTY = 0.25  # knob travel
MIN_UNCERTAINTY = 1e-3


def stretched_sigmoid(logits: Tensor, stretch: float = 0.5) -> Tensor:
    """Sigmoid stretched to (−stretch, 1 + stretch) and clamped to 0–1.

    A plain sigmoid reaches 0 and 1 only at infinity, yet neutral sits at the edge of many knobs
    (reverb 0, ratio 1). The clamp passes its gradient straight through, so a position pushed past
    an edge can still come back. Half a travel to either side leaves the sigmoid nearly straight in
    between: knobs are read off decibels, and a network that first had to straighten a bend was off
    by a third more (docs/decisions/0034-the-compressor-sought.md).
    """
    stretched = torch.sigmoid(logits) * (1.0 + 2.0 * stretch) - stretch
    return stretched + (stretched.clamp(0.0, 1.0) - stretched).detach()


class KnobHead(nn.Module):
    """Linear layer and stretched sigmoid: [B, features] → [B, P] in 0–1. Starts at 0.5."""

    def __init__(self, features: int, n_knobs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, n_knobs)
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Features to positions."""
        return stretched_sigmoid(self.linear(features))


class PerKnobHead(nn.Module):
    """A small perceptron for each knob: [B, P, width] and [B, features] → [B, P] in 0–1.

    What a knob asked for itself stands beside what all share. All start at 0.5.
    """

    def __init__(self, width: int, features: int, n_knobs: int, hidden: int = 32) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.randn(n_knobs, width + features, hidden) * 0.05)
        self.own_bias = nn.Parameter(torch.zeros(n_knobs, hidden))
        self.direct = nn.Linear(features, n_knobs)
        self.last = nn.Parameter(torch.randn(n_knobs, hidden) * 0.01)
        nn.init.normal_(self.direct.weight, std=0.01)
        nn.init.zeros_(self.direct.bias)

    def forward(self, asked: Tensor, shared: Tensor) -> Tensor:
        """Features to positions."""
        shared_by_all = shared[:, None].expand(-1, asked.shape[1], -1)
        heard = torch.cat([asked, shared_by_all], dim=-1)
        hidden = torch.einsum("bpf,pfh->bph", heard, self.own) + self.own_bias
        curved = (nn.functional.gelu(hidden) * self.last).sum(-1)
        return stretched_sigmoid(self.direct(shared) + curved)


class PerConditionHead(nn.Module):
    """A head of its own for every condition, made by kind(*args); a song asks that of its own.

    Where all share one, what is guessed from pictures is noise to who has the answer at hand (the
    measured response, when paired). The price: a body that need not leave that answer alone learns
    its few songs by heart, so this is for small bodies (decision 0034).
    """

    def __init__(self, kind: Callable[..., nn.Module], *args: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(kind(*args) for _ in CONDITIONS)

    def forward(self, *features: Tensor, condition: Tensor) -> Tensor:
        """Features [B, …] and condition [B] → [B, P]"""
        answers = torch.stack([head(*features) for head in self.heads], dim=1)
        return answers[torch.arange(len(condition), device=condition.device), condition]


class UncertaintyHead(nn.Module):
    """By how much each knob may be off: [B, features] → [B, P] above 0. Starts at 0.25.

    0.25 is what the middle of a knob's travel is off on average, where nothing is known.
    """

    def __init__(self, features: int, n_knobs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, n_knobs)
        nn.init.zeros_(self.linear.weight)
        nn.init.constant_(self.linear.bias, math.log(math.expm1(INITIAL_UNCERTAINTY)))

    def forward(self, features: Tensor) -> Tensor:
        """Features to spreads, in knob travel."""
        return nn.functional.softplus(self.linear(features)).clamp_min(MIN_UNCERTAINTY)
