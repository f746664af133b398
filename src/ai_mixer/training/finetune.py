"""`init_from=…`: a training that begins with what another one learned (fine-tuning).

What was learned where knobs go far (`ranges=wide`), or from other music, may be a better beginning
than weights by lot (docs/decisions/0036). The songs a model is judged by must be new to it, so no
song that run learned from may be held out; what that run began with itself is not looked up.
"""

import sys
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig

from ai_mixer.config.instantiate import allowed_targets
from ai_mixer.inference.predictor import load_model
from ai_mixer.tracking import Store, find_run
from ai_mixer.tracking.run_lookup import fold_model_folders
from ai_mixer.training.builders import TrainingComponents
from ai_mixer.training.preflight import mismatched_weight


def load_initial_weights(
    cfg: DictConfig, which: str, parts: TrainingComponents, songs: pd.DataFrame
) -> None:
    """Give the system's model the weights of a run, or of a cross-validation's model of this fold.

    songs: what this training hears (`training.songs.song_table`). ValueError in one line if that
    model is another one, or learned from songs that are held out here.
    """
    folder = find_initial_weights(cfg, which)
    _check_no_held_out_songs(which, folder, songs)
    other = load_model(folder, allowed_targets(cfg))
    if other.console.names != parts.console.names:
        raise ValueError(f"init_from={which} sets other knobs: {', '.join(other.console.names)}")
    learned = other.model.state_dict()
    name = mismatched_weight(learned, parts.system.model.state_dict())
    if name is not None:
        raise ValueError(
            f"init_from={which} is of another model ({name}): give the model= words it was "
            "trained with"
        )
    parts.system.model.load_state_dict(learned)


def find_initial_weights(cfg: DictConfig, which: str) -> Path:
    """The folder of the model to begin with. FileNotFoundError or ValueError if there is none."""
    folds = fold_model_folders(which, Store(cfg.paths.mlruns))
    if not folds:
        return find_run(which, cfg.paths.mlruns)
    fold = str(cfg.data.get("fold"))
    if fold not in folds:
        raise ValueError(
            f"init_from={which} is a cross-validation of the folds {', '.join(sorted(folds))}: "
            f"give the same cv=, or one of them as data.fold (got {fold})"
        )
    return folds[fold]


def _check_no_held_out_songs(which: str, folder: Path, songs: pd.DataFrame) -> None:
    """By the sound of them, whatever they are called."""
    table = folder / "split.csv"
    if not table.is_file():
        print(f"init_from={which} does not say from which songs it learned", file=sys.stderr)
        return
    there = pd.read_csv(table)
    learned = set(there.loc[there["split"] == "train", "audio"])
    held_out = songs[(songs["split"] != "train") & songs["audio"].isin(learned)]
    if len(held_out):
        raise ValueError(
            f"init_from={which} learned from {len(held_out)} songs that are held out here "
            f"({held_out['song'].iloc[0]}): begin with a run of the same split or fold"
        )
