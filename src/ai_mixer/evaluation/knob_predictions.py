"""Protocol K alone: what systems say of the knobs. Nobody mixes, so asking takes little time."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch

from ai_mixer.console import Console
from ai_mixer.core.types import Batch
from ai_mixer.data.dataset import SongDataset
from ai_mixer.evaluation.baselines.system import ComparedSystem
from ai_mixer.evaluation.evaluator import build_record, knob_metrics
from ai_mixer.models.shared_features import shared_features
from ai_mixer.utils.parallel import parallel_map


def evaluate_knob_predictions(
    systems: Mapping[str, ComparedSystem],
    conditions: Sequence[str],
    console: Console,
    dataset: SongDataset,
    title: str,
) -> pd.DataFrame:
    """Records of every excerpt, of systems that say knobs: as `judge.judged`, without the sound.

    console: the one whose knobs the true positions are.
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
                    answer = system.predict(batch, condition)
                    if answer is not None:
                        measured = knob_metrics(console, answer, batch)
                        rows.append(build_record(songs, batch, condition, name, measured))
        return rows

    everything = parallel_map(records, range(len(dataset)), title)
    return pd.DataFrame([row for rows in everything for row in rows])
