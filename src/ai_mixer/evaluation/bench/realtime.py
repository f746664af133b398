"""Real-time load of the console: processing time of a block as a share of the block's duration.

Wall time shows whether a block would have been late; processor time shows its cost. They differ if
other programs use the same cores; then only processor time describes the console.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.console.stream import ConsoleStream
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio
from ai_mixer.evaluation.bench.timing import use_threads
from ai_mixer.evaluation.bench.workloads import KNOB_POSITION
from ai_mixer.utils.progress import progress_bar

DEADLINE_PERCENTILE = 99.9  # percentile of block times that has to meet the deadline
SONG_S = 20.0  # length of the audio, which is repeated
WARM_UP_BLOCKS = 100


def realtime_load(console: Console, sample_rate: int, block_size: int, blocks: int) -> pd.DataFrame:
    """Mean and 99.9th percentile over `blocks` stereo blocks, in percent of a block's duration."""
    audio = torch.split(synthetic_audio(1, SONG_S, sample_rate)[0], block_size, dim=-1)[:-1]
    generator = torch.Generator().manual_seed(0)
    still = torch.full((len(console.knobs),), KNOB_POSITION)
    moving = torch.rand(blocks, len(still), generator=generator)
    jobs: dict[str, tuple[bool, Callable[[int], Tensor]]] = {
        "console": (True, lambda _: still),
        "every knob moving with every block": (True, lambda block: moving[block]),
        "without limiter": (False, lambda _: still),
        "without limiter, every knob moving": (False, lambda block: moving[block]),
    }
    rows = []
    with use_threads(1), _frozen_garbage_collector():
        for name, (limit, knobs) in progress_bar(jobs.items(), f"live, blocks of {block_size}"):
            stream = console.stream(sample_rate, block_size, limit=limit)
            times = np.array(list(_block_times(stream, audio, knobs, blocks)))[WARM_UP_BLOCKS:]
            share = 100 * times * sample_rate / block_size
            row = {"live": name, "block": block_size}
            for clock, readings in zip(("clock", "cpu"), share.T, strict=True):
                row[f"{clock} %"] = readings.mean()
                row[f"{clock} p{DEADLINE_PERCENTILE} %"] = np.percentile(
                    readings, DEADLINE_PERCENTILE
                )
            rows.append(row)
    return pd.DataFrame(rows).set_index(["live", "block"])


def _block_times(
    stream: ConsoleStream, audio: tuple[Tensor, ...], knobs: Callable[[int], Tensor], blocks: int
) -> Iterator[tuple[float, float]]:
    """Wall and processor time of each block, in seconds."""
    for block in range(blocks):
        positions, samples = knobs(block), audio[block % len(audio)]
        wall, cpu = time.perf_counter(), time.thread_time()
        stream(samples, positions)
        yield time.perf_counter() - wall, time.thread_time() - cpu


@contextmanager
def _frozen_garbage_collector() -> Iterator[None]:
    """Exclude existing objects from garbage collection, as a real-time program does."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
