"""Weighted sum of loss terms, each divided by its value for neutral knobs."""

from collections.abc import Mapping
from typing import TypedDict

import torch
from torch import Tensor, nn

from ai_mixer.config.stage_command import stage_command
from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm


class TermConfig(TypedDict):
    """One term of the sum, see configs/loss/term."""

    weight: float
    scale: float
    term: LossTerm


class WeightedLoss(nn.Module):
    """Σ weight · term / scale. Terms with weight 0 are computed but not trained.

    The scale of a term is its value for neutral knobs, so that weights of terms with different
    units are comparable. scale: replaces the scales of terms by name; names without a selected term
    are ignored, so that one file of measured scales per dataset and ranges fits all selections.
    """

    def __init__(
        self, terms: Mapping[str, TermConfig], scale: Mapping[str, float] | None = None
    ) -> None:
        super().__init__()
        if not terms:
            raise ValueError("the loss has no terms: select some, e.g. 'loss/term=[knobs]'")
        measured = scale or {}
        self.weight = {name: float(entry["weight"]) for name, entry in terms.items()}
        self.scale = {
            name: float(measured.get(name, entry["scale"])) for name, entry in terms.items()
        }
        self.terms = nn.ModuleDict({name: entry["term"] for name, entry in terms.items()})
        for name in terms:
            _check(name, self.weight[name], self.scale[name])

    @property
    def needs_mix(self) -> bool:
        """Whether any term needs the rendered mix."""
        return any(term.needs_mix for term in self.terms.values())

    def forward(
        self, prediction: Prediction, mix: Tensor | None, batch: Batch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the loss and the value of each term (detached, in the term's unit).

        prediction: of the whole batch. mix: [M, C, T], the rendered first M ≤ B items, for terms
        that need the mix; without a mix those are left out.
        """
        total = 0.0 * prediction.knobs.sum()  # backward works even if every term is only measured
        values: dict[str, Tensor] = {}
        rendered = None if mix is None else batch.first(len(mix))
        for name, term in self.terms.items():
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.weight[name] > 0):
                if not term.needs_mix:
                    value = term(prediction, None, batch)
                elif rendered is not None:
                    value = term(prediction, mix, rendered)
                else:
                    continue
            if self.weight[name] > 0:
                total = total + (self.weight[name] / self.scale[name]) * value
            values[name] = value.detach()
        return total, values


def _check(name: str, weight: float, scale: float) -> None:
    if not weight >= 0:
        raise ValueError(f"loss term {name}: weight {weight} is negative; 0 = measured only")
    if not scale > 0:
        raise ValueError(
            f"loss term {name}: scale {scale} must be above 0: "
            f"`{stage_command('loss-scales')}` measures it"
        )
