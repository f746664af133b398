"""Value of each loss term with all knobs neutral, so that weights are comparable.

With neutral knobs the mix is the rough. The scale is the median over training examples, as the
spectral distances of extreme roughs are unbounded and would dominate a mean.
"""

from collections import defaultdict

import numpy as np
import torch

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.data.skipped_songs import SkippedSongs
from ai_mixer.training.builders import TrainingComponents
from ai_mixer.utils.progress import progress_bar


@torch.inference_mode()
def measure_loss_scales(parts: TrainingComponents, examples: int) -> dict[str, float]:
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
