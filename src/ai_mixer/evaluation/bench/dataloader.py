"""Throughput of the data loader's workers, and the time that training steps wait for them."""

import copy
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd

from ai_mixer.core.types import Batch, Song
from ai_mixer.data.datamodule import MixDataModule, SongSource
from ai_mixer.evaluation.bench.workloads import infinite_batches, training_step_function
from ai_mixer.training.builders import TrainingComponents
from ai_mixer.utils.progress import progress_bar

WARM_UP_BATCHES = 3  # the workers start and kernels are compiled


class FinishedOnlySource:
    """The songs of a source reduced to the finished stereo file, as in a folder of songs."""

    def __init__(self, source: SongSource) -> None:
        self.source = source

    def songs(self) -> list[Song]:
        """The same songs without dry versions and stems."""
        return [replace(song, dry_path=None, stems={}) for song in self.source.songs()]


def loader_throughput(data: MixDataModule, workers: int, batches: int) -> pd.DataFrame:
    """Seconds of stereo audio in the examples that `workers` produce per second of wall time.

    One row for songs with a dry version (reverb and delay are rendered too) and one without.
    """
    rows = {
        "songs with a dry version": _with_workers(data, data.source, workers),
        "one file a song": _with_workers(data, FinishedOnlySource(data.source), workers),
    }
    speeds = {
        name: [_stereo_s_per_s(datamodule, batches)]
        for name, datamodule in progress_bar(rows.items(), f"loader, {workers} workers")
    }
    columns = ["stereo s per s"]
    return pd.DataFrame.from_dict(speeds, "index", columns=columns).rename_axis("loader")


def loader_wait(parts: TrainingComponents, workers: int, steps: int) -> pd.Series:
    """Duration of a training step with `workers`, ms; waiting for the batch, ms and percent."""
    train = training_step_function(parts)
    batches = infinite_batches(_with_workers(parts.data, parts.data.source, workers))
    readings = []
    for _ in progress_bar(range(WARM_UP_BATCHES + steps), f"training with {workers} workers"):
        start = time.perf_counter()
        batch = next(batches)
        received = time.perf_counter()
        train(batch)
        readings.append((time.perf_counter() - start, received - start))
    step_ms, wait_ms = 1000 * np.mean(readings[WARM_UP_BATCHES:], axis=0)
    return pd.Series({"step ms": step_ms, "wait ms": wait_ms, "wait %": 100 * wait_ms / step_ms})


def _with_workers(data: MixDataModule, source: SongSource, workers: int) -> MixDataModule:
    other = copy.copy(data)
    other.source, other.workers, other._songs = source, workers, None
    return other


def _stereo_s_per_s(data: MixDataModule, batches: int) -> float:
    measured: Iterator[Batch] = islice(
        infinite_batches(data), WARM_UP_BATCHES, WARM_UP_BATCHES + batches
    )
    stereo_s = 0.0
    start = time.perf_counter()
    for number, batch in enumerate(measured):
        if number == 0:  # not counted: it was prepared before the clock starts
            start = time.perf_counter()
            continue
        stereo_s += len(batch.rough) * batch.rough.shape[-1] / batch.sample_rate
    return stereo_s / (time.perf_counter() - start)
