"""How much each member of an ensemble counts: learned where no member has learned.

Least absolute error (as protocol K judges) over non-negative weights that sum to one, for each
condition and knob by itself, as a share of the error that equal weights leave: members that all
know a knob well are told apart like those that do not. A little of equal shares is mixed in, so
that what a few songs cannot decide is left undecided.
"""

import torch
from torch import Tensor

from ai_mixer.core.types import CONDITIONS

STEPS, RATE = 400, 0.05
LEAST = 20  # examples; with fewer the members count alike
HOLD = 3e-3  # pull of the logits to equal shares, in shares of the error that equal weights leave
EXACT = 1e-6  # knob travel; below it there is no error to share out


def learn_weights(said: Tensor, knobs: Tensor, mask: Tensor, condition: Tensor) -> Tensor:
    """Logits [3, M, P] of the weights. said: [M, n, P] by the members; the others [n, …]."""
    members, _, n_knobs = said.shape
    logits = torch.zeros(len(CONDITIONS), members, n_knobs)
    for number in range(len(CONDITIONS)):
        here = condition == number
        logits[number] = _learn(said[:, here], knobs[here], mask[here])
    return logits


def _learn(said: Tensor, knobs: Tensor, mask: Tensor) -> Tensor:
    counts = mask.sum(0)
    logits = torch.zeros(len(said), said.shape[-1], requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=RATE)
    share = mask / counts.clamp_min(1)
    usual = ((said.mean(0) - knobs).abs() * share).sum(0).clamp_min(EXACT)
    for _ in range(STEPS):
        mean = (logits.softmax(0)[:, None] * said).sum(0)
        error = ((mean - knobs).abs() * share).sum(0) / usual
        optimizer.zero_grad()
        torch.autograd.backward(error.sum() + HOLD * logits.square().sum())
        optimizer.step()
    return torch.where(counts >= LEAST, logits.detach(), 0.0)
