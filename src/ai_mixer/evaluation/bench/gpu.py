"""The console's chain with gradients on a GPU, against the same work on the CPU."""

import time

import pandas as pd
import torch

from ai_mixer.console import Console
from ai_mixer.evaluation.bench import workloads
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio
from ai_mixer.evaluation.bench.timing import use_threads

BATCH, SECONDS, CPU_THREADS = 32, 10.0, 2
MAX_GPU_MS = 120.0  # on a data-centre GPU
MIN_RATIO = 5.0  # CPU time / GPU time


def gpu_table(console: Console, sample_rate: int, rounds: int) -> pd.DataFrame:
    """Wall time of chain forward + backward in ms, and the bars; "not measured" without a GPU."""
    work = f"chain, forward + backward, {BATCH} × {SECONDS:g} s stereo"
    index = pd.Index([work], name="work")
    bars = {"at most ms": MAX_GPU_MS, "ratio at least": MIN_RATIO}
    if not torch.cuda.is_available():
        return pd.DataFrame({"GPU": "not measured: no GPU", **bars}, index=index)
    audio = synthetic_audio(BATCH, SECONDS, sample_rate)
    with use_threads(CPU_THREADS):
        cpu_ms = _wall_ms(console.cpu(), audio, sample_rate, rounds)
    gpu_ms = _wall_ms(console.cuda(), audio.cuda(), sample_rate, rounds)
    console.cpu()
    row = {"GPU": torch.cuda.get_device_name(), "GPU ms": gpu_ms, "CPU ms": cpu_ms}
    return pd.DataFrame({**row, "ratio": cpu_ms / gpu_ms, **bars}, index=index)


def _wall_ms(console: Console, audio: torch.Tensor, sample_rate: int, rounds: int) -> float:
    """Shortest of some rounds, after one to warm up; work on a GPU is waited for."""
    job = workloads.forward_backward(workloads.console_workload(console, audio, sample_rate))
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        job()
        if audio.is_cuda:
            torch.cuda.synchronize()
        times.append(1000.0 * (time.perf_counter() - start))
    return min(times[1:])
