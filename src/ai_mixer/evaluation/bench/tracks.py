"""A console of several tracks: mixing with gradients, and live."""

import time

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ai_mixer.console import ConsoleGraph, GraphKnobs
from ai_mixer.evaluation.bench.memory import peak_mib
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio
from ai_mixer.evaluation.bench.timing import quartiles, time_interleaved, use_threads
from ai_mixer.evaluation.bench.workloads import (
    KNOB_POSITION,
    Workload,
    forward,
    forward_backward,
)

LIVE_BLOCK_SAMPLES = 256
MAX_SECONDS, MAX_LIVE_PERCENT = 1.2, 60.0  # for 16 tracks of 10 s


def tracks_table(
    graph: ConsoleGraph, sample_rate: int, seconds: float, rounds: int, counts: tuple[int, ...]
) -> pd.DataFrame:
    """Processor time of one thread in ms, peak memory in MiB, live load in % of a core, per count.

    Forward, and forward + backward with gradients to audio and all knobs.
    """
    rows = []
    with use_threads(1):
        for count in counts:
            work = graph_workload(graph, count, seconds, sample_rate)
            jobs = {"forward": forward(work), "forward + backward": forward_backward(work)}
            timings = time_interleaved(jobs, rounds)
            cpu_ms = {f"{n} ms": quartiles(t.cpu_ms).median for n, t in timings.items()}
            rows.append(
                {"tracks": count}
                | cpu_ms
                | {"forward + backward MiB": peak_mib(jobs["forward + backward"])}
                | {"live %": live_percent(graph, count, sample_rate)}
            )
    return pd.DataFrame(rows).set_index("tracks")


def graph_workload(graph: ConsoleGraph, tracks: int, seconds: float, sample_rate: int) -> Workload:
    """A mix of stereo tracks as a function of the audio and of the knobs of each part."""
    audio = synthetic_audio(tracks, seconds, sample_rate)[None]
    knobs = [torch.full_like(part, KNOB_POSITION) for part in graph.neutral(tracks)]

    def mix(audio: Tensor, *parts: Tensor) -> Tensor:
        return graph(audio, sample_rate, GraphKnobs(*parts))

    return Workload("graph", mix, (audio, *knobs))


def live_percent(graph: ConsoleGraph, tracks: int, sample_rate: int, blocks: int = 400) -> float:
    """Mean processor time of a block of 256 samples, in percent of its duration."""
    stream = graph.stream(sample_rate, LIVE_BLOCK_SAMPLES, tracks)
    block = synthetic_audio(tracks, LIVE_BLOCK_SAMPLES / sample_rate, sample_rate)
    knobs = GraphKnobs(*(torch.full_like(p, KNOB_POSITION) for p in graph.neutral(tracks)))
    stream(block, knobs)
    times = []
    for _ in range(blocks):
        start = time.thread_time()
        stream(block)
        times.append(time.thread_time() - start)
    return float(100.0 * np.mean(times[blocks // 10 :]) * sample_rate / LIVE_BLOCK_SAMPLES)
