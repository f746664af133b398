"""How much each member of an ensemble counts: learned where no member has learned.

Least absolute error (as protocol K judges) over non-negative weights that sum to one, for each
condition and knob by itself, as a share of the error that equal weights leave: members that all
know a knob well are told apart like those that do not. A little of equal shares is mixed in, so
that what a few songs cannot decide is left undecided.
"""

import torch
from torch import Tensor

from ai_mixer.core.types import CONDITIONS

STEPS, LEARNING_RATE = 400, 0.05
MIN_EXAMPLES = 20  # examples; with fewer the members count alike
L2_PENALTY = (
    3e-3  # pull of the logits to equal shares, in shares of the error that equal weights leave
)
MIN_ERROR = 1e-6  # knob travel; below it there is no error to share out


def learn_member_weights(
    predictions: Tensor, knobs: Tensor, mask: Tensor, condition: Tensor
) -> Tensor:
    """Logits [3, M, P] of the weights. said: [M, n, P] by the members; the others [n, …]."""
    members, _, n_knobs = predictions.shape
    logits = torch.zeros(len(CONDITIONS), members, n_knobs)
    for number in range(len(CONDITIONS)):
        here = condition == number
        logits[number] = _learn(predictions[:, here], knobs[here], mask[here])
    return logits


def _learn(predictions: Tensor, knobs: Tensor, mask: Tensor) -> Tensor:
    counts = mask.sum(0)
    logits = torch.zeros(len(predictions), predictions.shape[-1], requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=LEARNING_RATE)
    share = mask / counts.clamp_min(1)
    usual = ((predictions.mean(0) - knobs).abs() * share).sum(0).clamp_min(MIN_ERROR)
    for _ in range(STEPS):
        mean = (logits.softmax(0)[:, None] * predictions).sum(0)
        error = ((mean - knobs).abs() * share).sum(0) / usual
        optimizer.zero_grad()
        torch.autograd.backward(error.sum() + L2_PENALTY * logits.square().sum())
        optimizer.step()
    return torch.where(counts >= MIN_EXAMPLES, logits.detach(), 0.0)
