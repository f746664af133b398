"""Trained models joined into one system: their weights, and how much each of them counts."""

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
    """A system whose model is the ensemble, its weights learned on the validation songs of `data`.

    config: as `ensemble_config` makes it. weights: [3, M, P], given instead of learned.
    ValueError if the members set other knobs or hear otherwise, or the weights are not for them.
    """
    first = members[0]
    for other in members[1:]:
        if other.console.knobs != first.console.knobs:
            raise ValueError("the members play consoles with different knobs or ranges")
    system = build_system(config, build_console(config))
    model = cast(WeightedEnsemble, system.model)
    for own, mixer in zip(model.members, members, strict=True):
        own.load_state_dict(mixer.model.state_dict())
    trained_knobs = torch.stack([mixer.trained_knobs for mixer in members]).all(0)
    system.knob_count += trained_knobs
    system.knob_sum += trained_knobs * torch.stack([mixer.mean_knobs for mixer in members]).mean(0)
    if weights is None:
        weights = _member_weight_logits(system, data).softmax(dim=1)
    if weights.shape != model.logits.shape:
        count = weights.shape[1]
        raise ValueError(f"weights of {count} members for {len(members)}: join the same models")
    model.logits.data = weights.clamp_min(MIN_WEIGHT).log()
    return system


def ensemble_config(members: Sequence[Predictor], name: str) -> DictConfig:
    """The first member's config with the ensemble as its model."""
    config = deepcopy(members[0].config)
    models = [OmegaConf.to_container(mixer.config.model, resolve=True) for mixer in members]
    parts = [{**cast(dict[str, Any], model), "_partial_": True} for model in models]
    config.run_name = name
    config.model = {"_target_": ENSEMBLE_TARGET, "members": parts}
    return config


def mean_member_weights(ensembles: Sequence[Predictor]) -> Tensor:
    """[3, M, P], of several ensembles of the same models. ValueError if one is no ensemble."""
    for mixer in ensembles:
        if not isinstance(mixer.model, WeightedEnsemble):
            raise ValueError(f"{type(mixer.model).__name__} is no ensemble: it has no weights")
    return torch.stack([cast(WeightedEnsemble, m.model).weights.detach() for m in ensembles]).mean(
        0
    )


@torch.inference_mode()
def _member_weight_logits(system: MixSystem, data: MixDataModule) -> Tensor:
    data.prepare_data()
    model = cast(WeightedEnsemble, system.model.eval())
    predictions, knobs, mask, condition = [], [], [], []
    for batch in progress_bar(data.val_dataloader(), "listening to validation songs"):
        predictions.append(
            torch.stack([predict_batch(member, batch).knobs for member in model.members])
        )
        knobs.append(batch.knobs)
        mask.append(batch.mask)
        condition.append(batch.condition)
    asked = (torch.cat(predictions, dim=1), *map(torch.cat, (knobs, mask, condition)))
    with torch.inference_mode(False):
        return learn_member_weights(*(tensor.clone() for tensor in asked))
