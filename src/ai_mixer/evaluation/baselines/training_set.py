"""Training examples of a run as features and knobs: what `ridge` and `trees` learn from."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.evaluation.baselines.features import features
from ai_mixer.inference.predictor import Predictor
from ai_mixer.training.builders import build_evaluation_datamodule
from ai_mixer.utils.parallel import parallel_map


class TrainingTable(NamedTuple):
    """n examples: features by condition [n, F], knobs [n, P] and mask [n, P], True = counts."""

    features: dict[str, np.ndarray]
    knobs: np.ndarray
    mask: np.ndarray


class TrainingSet:
    """`count` excerpts of the training songs of the run's own data, evenly over the songs.

    Made when first asked for. seed: which excerpts, and which knobs.
    """

    def __init__(self, predictor: Predictor, count: int, seed: int = 0) -> None:
        self.predictor, self.count, self.seed = predictor, count, seed

    @cached_property
    def table(self) -> TrainingTable:
        """ValueError or OSError if the songs are not here, or nobody knows their knobs."""
        once = {"excerpts_per_song": 1, "seed": self.seed}
        config, console = self.predictor.config, self.predictor.console
        dataset = build_evaluation_datamodule(config, console, None, "reference", **once).dataset(
            "train"
        )

        @torch.inference_mode()
        def row(place: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
            batch = Batch.collate([dataset[0, place]])
            heard = [features(batch, condition)[0].numpy() for condition in CONDITIONS]
            return heard, batch.knobs[0].numpy(), batch.mask[0].numpy()

        rows = list(parallel_map(row, range(self.count), "features of training songs"))
        heard, knobs, mask = zip(*rows, strict=True)
        if not np.any(mask):
            raise ValueError("nobody knows the knobs of the training songs")
        by_condition = zip(CONDITIONS, map(np.stack, zip(*heard, strict=True)), strict=True)
        return TrainingTable(dict(by_condition), np.stack(knobs), np.stack(mask))
