"""Tables of a benchmark: time and memory of every part of a training on this machine."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ai_mixer.evaluation.bench import output, workloads
from ai_mixer.evaluation.bench.memory import peak_mib
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio
from ai_mixer.evaluation.bench.timing import time_interleaved, use_threads
from ai_mixer.training.builders import TrainingComponents
from ai_mixer.utils.progress import progress_bar

INDEX = ["work", "batch", "threads"]
LENGTHS = (1, 2, 4)  # multiples of the excerpt's length, to see how memory grows


def benchmark(
    parts: TrainingComponents, seconds: float, batches: list[int], threads: list[int], rounds: int
) -> pd.DataFrame:
    """Time effects, console, losses, loader and training step; one row per workload and setting."""
    rows = [
        row
        for count in threads
        for batch in batches
        for row in _audio_rows(parts, seconds, batch, count, rounds)
    ]
    rows += [row for count in threads for row in _training_rows(parts, count, rounds)]
    return pd.DataFrame(rows).set_index(INDEX)


def memory(parts: TrainingComponents, seconds: float) -> pd.DataFrame:
    """Peak memory of the console by length of the audio, forward and with gradients, in MiB."""
    rate, rows = parts.data.sample_rate, []
    for length in LENGTHS:
        audio = synthetic_audio(1, length * seconds, rate)
        workload = workloads.console_workload(parts.console, audio, rate)
        workloads.forward(workload)()
        rows.append(
            {
                "seconds": length * seconds,
                "forward MiB": peak_mib(workloads.forward(workload)),
                "forward + backward MiB": peak_mib(workloads.forward_backward(workload)),
            }
        )
    return pd.DataFrame(rows).set_index("seconds")


def _audio_rows(
    parts: TrainingComponents, seconds: float, batch: int, count: int, rounds: int
) -> Iterator[dict[str, Any]]:
    rate = parts.data.sample_rate
    audio = synthetic_audio(batch, seconds, rate)
    all_workloads = [
        *workloads.effect_workloads(parts.console, audio, rate),
        workloads.console_workload(parts.console, audio, rate),
        *workloads.loss_workloads(parts.system.objective, audio, rate),
    ]
    with use_threads(count):
        for work in progress_bar(all_workloads, f"batch {batch}, threads {count}"):
            jobs = {"f": workloads.forward(work), "f+b": workloads.forward_backward(work)}
            timings = time_interleaved(jobs, rounds)
            columns = {
                k: v for name in jobs for k, v in output.timing_columns(name, timings[name]).items()
            }
            yield {"work": work.name, "batch": batch, "threads": count, **columns}


def _training_rows(parts: TrainingComponents, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    jobs = {
        "loader": ("f", workloads.loader_workload(parts)),
        "training step": ("f+b", workloads.training_step_workload(parts)),
    }
    with use_threads(count):
        for name, (kind, job) in jobs.items():
            timing = time_interleaved({name: job}, rounds)[name]
            row = {"work": name, "batch": parts.data.batch_size, "threads": count}
            yield {**row, **output.timing_columns(kind, timing)}
