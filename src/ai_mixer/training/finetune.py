"""Fine-tuning (`init_from=…`): start with the weights of another run.

Weights trained with wider knob ranges (`ranges=wide`) or on other music can be better than random
ones (docs/decisions/0036). Held-out songs must be unseen, so none may be a training song of that
run, nor of the one that it started from.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import Tensor

from ai_mixer.config.instantiate import allowed_targets
from ai_mixer.core.knob import Knob
from ai_mixer.inference.predictor import load_model
from ai_mixer.inference.seen_songs import SeenSongs, load_seen_songs
from ai_mixer.tracking import Store, find_run
from ai_mixer.tracking.run_lookup import fold_model_folders
from ai_mixer.training.builders import TrainingComponents
from ai_mixer.training.preflight import mismatched_weight
from ai_mixer.utils.log import logger


def load_initial_weights(
    cfg: DictConfig, which: str, parts: TrainingComponents
) -> SeenSongs | None:
    """Load the weights of a run, or of this fold of a cross-validation, into the system's model.

    Its mean knobs become the baseline of the skill until the training has seen targets. Returns the
    songs that the other run has seen; None if unknown. ValueError if the models differ, or if
    the other run was trained on songs that are held out here.
    """
    folder = find_initial_weights(cfg, which)
    seen = load_seen_songs(folder, parts.data.metadata_cache)
    _check_no_held_out_songs(which, seen, parts)
    other = load_model(folder, allowed_targets(cfg))
    if other.console.names != parts.console.names:
        raise ValueError(f"init_from={which} sets other knobs: {', '.join(other.console.names)}")
    weights = other.model.state_dict()
    name = mismatched_weight(weights, parts.system.model.state_dict())
    if name is not None:
        raise ValueError(
            f"init_from={which} is of another model ({name}): give the model= overrides of that run"
        )
    parts.system.model.load_state_dict(weights)
    parts.system.initial_mean_knobs = convert_positions(
        other.mean_knobs, other.console.knobs, parts.console.knobs
    )
    return seen


def convert_positions(positions: Tensor, source: Sequence[Knob], target: Sequence[Knob]) -> Tensor:
    """Positions [P] of the same settings on knobs of other ranges, limited to 0–1."""
    converted = [
        new.to_position(old.to_physical(position))
        for position, old, new in zip(positions, source, target, strict=True)
    ]
    return torch.stack(converted).clamp(0.0, 1.0)


def find_initial_weights(cfg: DictConfig, which: str) -> Path:
    """Return the folder of the initial model. FileNotFoundError or ValueError if there is none."""
    folds = fold_model_folders(which, Store(cfg.paths.mlruns))
    if not folds:
        return find_run(which, cfg.paths.mlruns)
    fold = str(cfg.data.get("fold"))
    if fold not in folds:
        raise ValueError(
            f"init_from={which} is a cross-validation of the folds {', '.join(sorted(folds))}: "
            f"give the same cv=, or one of these folds as data.fold (got {fold})"
        )
    return folds[fold]


def _check_no_held_out_songs(which: str, seen: SeenSongs | None, parts: TrainingComponents) -> None:
    """Compare digests and sound, not names. Songs that the other run held out too are no leak."""
    if seen is None:
        logger.warning("init_from=%s: the songs that it was trained on are unknown", which)
        return
    songs = parts.data.songs("val") + parts.data.songs("test")
    stays = seen.val.contains_digest(songs) | seen.test.contains_digest(songs)
    songs = [song for song, kept in zip(songs, stays, strict=True) if not kept]
    trained = seen.train.contains(songs, parts.data.metadata_cache)
    held_out = [song.id for song, found in zip(songs, trained, strict=True) if found]
    if held_out:
        raise ValueError(
            f"init_from={which} was trained on {len(held_out)} songs that are held out here "
            f"({held_out[0]}): give a run of the same split or fold"
        )
