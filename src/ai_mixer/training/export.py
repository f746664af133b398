"""A model out of its training: the mixer of a checkpoint, and the card beside its weights."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf

from ai_mixer.config.allowed_targets import check_targets, config_from_card
from ai_mixer.config.renamed import translate_config
from ai_mixer.inference.builders import build_console
from ai_mixer.inference.predictor import Predictor, feature_config_of, load_weights
from ai_mixer.tracking.checkpoint_io import METADATA_KEY, read_checkpoint
from ai_mixer.training.builders import build_system
from ai_mixer.training.system import MixSystem


def load_from_checkpoint(file: Path, allow_targets: Sequence[str] = ()) -> Predictor:
    """The mixer of one of Lightning's checkpoints in a run's folder, finished or broken off.

    FileNotFoundError or ValueError in one line if it is none of ours or lies beside no config.yaml.
    """
    checkpoint = read_checkpoint(file)
    page = checkpoint_run_folder(file) / "config.yaml"
    plain = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(page), resolve=True))
    config = translate_config(plain)
    cfg = config_from_card(config, allow_targets)
    check_targets(cfg, allow_targets)
    console = build_console(cfg)
    system = build_system(cfg, console)
    load_weights(system, checkpoint["state_dict"], file)
    card = model_card(config, system, checkpoint[METADATA_KEY]["run"])
    return Predictor(system.model, console, card, allow_targets)


def checkpoint_run_folder(file: Path) -> Path:
    """The folder of its run. FileNotFoundError in one line if there is none."""
    for folder in file.resolve().parents[:2]:
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError(f"{file} lies in no run: there is no config.yaml beside or above it")


def model_card(config: dict[str, Any], system: MixSystem, run: str) -> dict[str, Any]:
    """What model.json says. config: whole and plain; run: the id of the run it comes from."""
    knobs, means = system.console.knobs, system.mean_knobs.tolist()
    return {
        "config": config,
        "knobs": [asdict(knob) for knob in knobs],
        "trained": [
            knob.name for knob, seen in zip(knobs, system.trained_knobs, strict=True) if seen
        ],
        "mean_knobs": {knob.name: mean for knob, mean in zip(knobs, means, strict=True)},
        "run": run,
        "ears": feature_config_of(system.model),
    }
