"""Training examples of a run as features and knobs, for `ridge` and `trees`."""

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
    """n examples: features [n, F] by condition, knobs [n, P], mask [n, P] (True = counts)."""

    features: dict[str, np.ndarray]
    knobs: np.ndarray
    mask: np.ndarray


class TrainingSet:
    """`count` excerpts of the run's own training songs, spread evenly over the songs.

    Computed on first access. seed: determines excerpts and knobs.
    """

    def __init__(self, predictor: Predictor, count: int, seed: int = 0) -> None:
        self.predictor, self.count, self.seed = predictor, count, seed

    @cached_property
    def table(self) -> TrainingTable:
        """The examples. ValueError or OSError if songs are missing or true knobs are unknown."""
        loader = {"excerpts_per_song": 1, "seed": self.seed}
        config, console = self.predictor.config, self.predictor.console
        datamodule = build_evaluation_datamodule(config, console, None, "reference", **loader)
        dataset = datamodule.dataset("train")

        @torch.inference_mode()
        def row(index: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
            batch = Batch.collate([dataset[0, index]])
            inputs = [features(batch, condition)[0].numpy() for condition in CONDITIONS]
            return inputs, batch.knobs[0].numpy(), batch.mask[0].numpy()

        rows = list(parallel_map(row, range(self.count), "features of training songs"))
        inputs, knobs, mask = zip(*rows, strict=True)
        if not np.any(mask):
            raise ValueError("the true knobs of the training songs are unknown")
        by_condition = zip(CONDITIONS, map(np.stack, zip(*inputs, strict=True)), strict=True)
        return TrainingTable(dict(by_condition), np.stack(knobs), np.stack(mask))
