"""The one number that is trained: weighted terms, each in units of "what doing nothing costs"."""

from collections.abc import Mapping
from typing import TypedDict

import torch
from torch import Tensor, nn

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm


class TermConfig(TypedDict):
    """One line of the objective; see configs/loss/term."""

    weight: float
    scale: float
    term: LossTerm


class WeightedLoss(nn.Module):
    """Σ weight · term / scale. Weight 0 = measured, not trained.

    `scale` is the term's value for doing nothing, so that weights mean what they say. The mapping
    `scale` overrides those of the terms by name and may name terms that were not chosen: one
    measured file per data set and range serves every choice.
    """

    def __init__(
        self, terms: Mapping[str, TermConfig], scale: Mapping[str, float] | None = None
    ) -> None:
        super().__init__()
        if not terms:
            raise ValueError("the objective has no terms: choose some, as in 'loss/term=[knobs]'")
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
        """Does any term listen to the rendered mix?"""
        return any(term.needs_mix for term in self.terms.values())

    def forward(
        self, prediction: Prediction, mix: Tensor | None, batch: Batch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and every term's raw value (detached, in the term's unit).

        said: what the model says of the whole batch. mix: [M, C, T], the first M ≤ B items
        rendered; terms that listen judge those. Without a mix they are left out.
        """
        total = 0.0 * prediction.knobs.sum()  # backward works even if every term is only measured
        values: dict[str, Tensor] = {}
        few = None if mix is None else batch.first(len(mix))
        for name, term in self.terms.items():
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.weight[name] > 0):
                if not term.needs_mix:
                    value = term(prediction, None, batch)
                elif few is not None:
                    value = term(prediction, mix, few)
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
        raise ValueError(f"loss term {name}: scale {scale} must be above 0 (cost of doing nothing)")
