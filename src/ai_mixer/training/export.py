"""Export a trained model: predictor of a checkpoint, and contents of model.json."""

from collections.abc import Sequence
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
    """Load the model of a Lightning checkpoint in the folder of a run, finished or interrupted.

    FileNotFoundError if there is no config.yaml next to it; ValueError if it is not a checkpoint
    of this project.
    """
    checkpoint = read_checkpoint(file)
    folder = checkpoint_run_folder(file)
    loaded = OmegaConf.load(folder / "config.yaml")
    plain = cast(dict[str, Any], OmegaConf.to_container(loaded, resolve=True))
    config = translate_config(plain)
    cfg = config_from_card(config, allow_targets)
    check_targets(cfg, allow_targets)
    console = build_console(cfg)
    system = build_system(cfg, console)
    load_weights(system, checkpoint["state_dict"], file)
    card = model_card(config, system, checkpoint[METADATA_KEY]["run"])
    return Predictor(system.model, console, card, allow_targets, folder)


def checkpoint_run_folder(file: Path) -> Path:
    """Return the artifact folder of the checkpoint's run. FileNotFoundError if there is none."""
    for folder in file.resolve().parents[:2]:
        if (folder / "config.yaml").is_file():
            return folder
    raise FileNotFoundError(
        f"{file} does not belong to a run: no config.yaml in its folder or the one above"
    )


def model_card(config: dict[str, Any], system: MixSystem, run: str) -> dict[str, Any]:
    """Return the contents of model.json. config: resolved, plain containers; run: id of the run."""
    return {
        "config": config,
        **system.describe_knobs(),
        "run": run,
        "ears": feature_config_of(system.model),
    }
