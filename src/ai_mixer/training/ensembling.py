"""Combine trained models into an ensemble with a weight per member, condition and knob."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, cast

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.inference.builders import build_console
from ai_mixer.inference.predictor import Predictor
from ai_mixer.models.feature_model import predict_batch
from ai_mixer.models.weighted_ensemble import WeightedEnsemble
from ai_mixer.training.builders import build_system
from ai_mixer.training.ensemble_weights import learn_member_weights
from ai_mixer.training.system import MixSystem
from ai_mixer.utils.progress import progress_bar

MIN_WEIGHT = 1e-6
ENSEMBLE_TARGET = f"{WeightedEnsemble.__module__}.{WeightedEnsemble.__name__}"


def build_ensemble(
    members: Sequence[Predictor],
    config: DictConfig,
    data: MixDataModule,
    weights: Tensor | None = None,
) -> MixSystem:
    """Build a system with the ensemble as its model.

    config: from `ensemble_config`. weights: [3, M, P]; default: learned on the validation songs of
    `data`. ValueError if the members differ in knobs or features, or if the weights have another
    number of members.
    """
    first = members[0]
    for other in members[1:]:
        if other.console.knobs != first.console.knobs:
            raise ValueError("the members have consoles with different knobs or ranges")
    system = build_system(config, build_console(config))
    model = cast(WeightedEnsemble, system.model)
    for member, predictor in zip(model.members, members, strict=True):
        member.load_state_dict(predictor.model.state_dict())
    trained_knobs = torch.stack([member.trained_knobs for member in members]).all(0)
    mean_knobs = torch.stack([member.mean_knobs for member in members]).mean(0)
    system.knob_count += trained_knobs
    system.knob_sum += trained_knobs * mean_knobs
    if weights is None:
        weights = _member_weight_logits(system, data).softmax(dim=1)
    if weights.shape != model.logits.shape:
        count = weights.shape[1]
        raise ValueError(
            f"weights of {count} members for {len(members)} members: give ensembles of the same "
            "models"
        )
    model.logits.data = weights.clamp_min(MIN_WEIGHT).log()
    return system


def ensemble_config(members: Sequence[Predictor], name: str) -> DictConfig:
    """Return the config of the first member with the ensemble as its model."""
    config = deepcopy(members[0].config)
    models = [OmegaConf.to_container(member.config.model, resolve=True) for member in members]
    parts = [{**cast(dict[str, Any], model), "_partial_": True} for model in models]
    config.run_name = name
    config.model = {"_target_": ENSEMBLE_TARGET, "members": parts}
    return config


def mean_member_weights(ensembles: Sequence[Predictor]) -> Tensor:
    """Compute the mean weights [3, M, P] of ensembles of the same models.

    ValueError if a model is not an ensemble.
    """
    weights = []
    for ensemble in ensembles:
        if not isinstance(ensemble.model, WeightedEnsemble):
            raise ValueError(f"{type(ensemble.model).__name__} has no weights: give an ensemble")
        weights.append(ensemble.model.weights.detach())
    return torch.stack(weights).mean(0)


@torch.inference_mode()
def _member_weight_logits(system: MixSystem, data: MixDataModule) -> Tensor:
    data.prepare_data()
    model = cast(WeightedEnsemble, system.model.eval())
    predictions, knobs, mask, condition = [], [], [], []
    for batch in progress_bar(data.val_dataloader(), "predicting validation songs"):
        members = [predict_batch(member, batch).knobs for member in model.members]
        predictions.append(torch.stack(members))
        knobs.append(batch.knobs)
        mask.append(batch.mask)
        condition.append(batch.condition)
    tensors = (torch.cat(predictions, dim=1), *map(torch.cat, (knobs, mask, condition)))
    with torch.inference_mode(False):
        return learn_member_weights(*(tensor.clone() for tensor in tensors))
