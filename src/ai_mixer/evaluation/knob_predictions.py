"""Protocol K alone: evaluate knob predictions without rendering mixes, which is much faster."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch

from ai_mixer.console import Console
from ai_mixer.core.types import Batch, Condition
from ai_mixer.data.dataset import SongDataset
from ai_mixer.evaluation.baselines.system import ComparedSystem
from ai_mixer.evaluation.records import build_record, knob_metrics
from ai_mixer.models.shared_features import shared_features
from ai_mixer.utils.parallel import parallel_map


def evaluate_knob_predictions(
    systems: Mapping[str, ComparedSystem],
    conditions: Sequence[Condition],
    console: Console,
    dataset: SongDataset,
    title: str,
) -> pd.DataFrame:
    """Return the records of every excerpt as `evaluate_systems` does, without the audio metrics.

    Systems that predict no knobs are skipped. console: the console that the true positions belong
    to. title: label of the progress bar.
    """
    songs = {song.id: song for song in dataset.songs}

    @torch.inference_mode()
    def records(excerpt_index: int) -> list[dict[str, Any]]:
        batch = Batch.collate([dataset[0, excerpt_index]])
        rows = []
        with shared_features():
            for condition in conditions:
                for name, system in systems.items():
                    if condition not in system.conditions:
                        continue
                    prediction = system.predict(batch, condition)
                    if prediction is not None:
                        measured = knob_metrics(console, prediction, batch)
                        rows.append(build_record(songs, batch, condition, name, measured))
        return rows

    all_records = parallel_map(records, range(len(dataset)), title)
    return pd.DataFrame([row for rows in all_records for row in rows])
