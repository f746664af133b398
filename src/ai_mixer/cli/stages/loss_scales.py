"""Loss scales: the value of each loss term with all knobs neutral, so that weights are comparable.

With neutral knobs the mix is the rough. The scale is the median over training examples, as the
spectral distances of extreme roughs are unbounded and would dominate a mean.
"""

import shlex
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ai_mixer.cli.stage import stage
from ai_mixer.config.folder import config_folder
from ai_mixer.core.types import Batch, Prediction
from ai_mixer.data.skipped_songs import SkippedSongs
from ai_mixer.training.builders import TrainingComponents, build_components
from ai_mixer.utils.progress import progress_bar


@torch.inference_mode()
def measure(parts: TrainingComponents, examples: int) -> dict[str, float]:
    """Median unscaled value of every term over `examples` training examples: name → value."""
    dataset = parts.data.dataset("train")
    indices = np.linspace(0, len(dataset) - 1, min(examples, len(dataset))).astype(int).tolist()
    values, skipped = defaultdict(list), SkippedSongs()
    for index in progress_bar(indices, "measuring loss terms"):
        batch = Batch.collate([dataset[0, index]])
        skipped.add(batch.skipped)
        prediction = Prediction(parts.console.neutral[None])
        _, terms = parts.system.objective(prediction, batch.rough, batch)
        for name, value in terms.items():
            values[name].append(float(value))
    return {name: float(f"{np.median(numbers):.3g}") for name, numbers in values.items()}


@stage("train")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.loss_scales …`: write loss/scale/<data>_<ranges>.yaml."""
    choices = HydraConfig.get().runtime.choices
    name = f"{choices['data']}_{choices['ranges']}"
    scales = measure(build_components(cfg), examples=200)
    file = Path(config_folder()) / "loss" / "scale" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    overrides = shlex.join(HydraConfig.get().overrides.task)
    header = f"# Median of each loss term for neutral knobs. make loss-scales {overrides}".rstrip()
    file.write_text(f"{header}\n{OmegaConf.to_yaml(OmegaConf.create(scales))}", encoding="utf-8")
    print(f"{file}\n{file.read_text(encoding='utf-8')}", end="")


if __name__ == "__main__":
    main()
