"""Learn the weights of an ensemble's members on songs that no member was trained on.

Minimises the absolute error (as protocol K does) over non-negative weights that sum to one,
separately per condition and knob, relative to the error of equal weights, so that the scale of a
knob's errors does not matter. A penalty pulls the weights to equal ones where the data decide
little.
"""

import torch
from torch import Tensor

from ai_mixer.core.types import CONDITIONS

STEPS, LEARNING_RATE = 400, 0.05
MIN_EXAMPLES = 20  # examples; with fewer the weights are equal
L2_PENALTY = 3e-3  # on the logits, relative to the error of equal weights
MIN_ERROR = 1e-6  # knob travel; lower bound of the error of equal weights


def learn_member_weights(
    predictions: Tensor, knobs: Tensor, mask: Tensor, condition: Tensor
) -> Tensor:
    """Return the logits [3, M, P] of the weights.

    predictions: [M, n, P] of the members; knobs: [n, P] true positions; mask: [n, P];
    condition: [n].
    """
    members, _, n_knobs = predictions.shape
    logits = torch.zeros(len(CONDITIONS), members, n_knobs)
    for number in range(len(CONDITIONS)):
        chosen = condition == number
        logits[number] = _fit_logits(predictions[:, chosen], knobs[chosen], mask[chosen])
    return logits


def _fit_logits(predictions: Tensor, knobs: Tensor, mask: Tensor) -> Tensor:
    counts = mask.sum(0)
    logits = torch.zeros(len(predictions), predictions.shape[-1], requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=LEARNING_RATE)
    share = mask / counts.clamp_min(1)
    equal = ((predictions.mean(0) - knobs).abs() * share).sum(0).clamp_min(MIN_ERROR)
    for _ in range(STEPS):
        mean = (logits.softmax(0)[:, None] * predictions).sum(0)
        error = ((mean - knobs).abs() * share).sum(0) / equal
        optimizer.zero_grad()
        torch.autograd.backward(error.sum() + L2_PENALTY * logits.square().sum())
        optimizer.step()
    return torch.where(counts >= MIN_EXAMPLES, logits.detach(), 0.0)
