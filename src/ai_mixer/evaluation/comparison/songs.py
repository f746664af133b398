"""The examples of a comparison: held-out songs of all runs, in the first run's console."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from ai_mixer.core.types import Split
from ai_mixer.data.dataset import SongDataset
from ai_mixer.evaluation.comparison.runs import ComparedRun
from ai_mixer.evaluation.holdout_filter import HoldoutSongs, holdout_songs
from ai_mixer.training.builders import build_evaluation_datamodule


def compared_songs(
    runs: Sequence[ComparedRun[Any]],
    data: DictConfig | None,
    split: Split,
    excerpts_per_song: int,
    allow_seen: bool,
    seed: int,
) -> tuple[SongDataset, HoldoutSongs]:
    """Examples with references for the tables, and the songs. Arguments as for `compare`."""
    first = runs[0].predictor
    loader = {"held_out_per_song": excerpts_per_song, "seed": seed}
    datamodule = build_evaluation_datamodule(
        first.config, first.console, data, "reference", **loader
    )
    dataset = datamodule.dataset(split)
    holdout = holdout_songs(
        dataset.songs,
        {run.letter: run.predictor for run in runs},
        datamodule.metadata_cache,
        own_test=runs[0].letter if data is None and split == "test" else None,
        allow_seen=allow_seen,
    )
    dataset.songs = holdout.songs
    return dataset, holdout


def sample_songs(
    runs: Sequence[ComparedRun[Any]],
    data: DictConfig | None,
    split: Split,
    seconds: float,
    holdout: HoldoutSongs,
    seed: int,
) -> SongDataset:
    """One example of `seconds` per song for the page, under any condition."""
    first = runs[0].predictor
    loader: dict[str, float] = {"excerpt_s": seconds, "held_out_per_song": 1, "seed": seed}
    dataset = build_evaluation_datamodule(
        first.config, first.console, data, "any", **loader
    ).dataset(split)
    dataset.songs = holdout.songs
    return dataset
