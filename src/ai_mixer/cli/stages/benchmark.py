"""Measure how long every part of a training takes here: a table, and the same as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.evaluation.bench import output, workloads
from ai_mixer.evaluation.bench.dataloader import loader_throughput, loader_wait
from ai_mixer.evaluation.bench.memory import peak_mib
from ai_mixer.evaluation.bench.realtime import realtime_load
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio
from ai_mixer.evaluation.bench.timing import time_interleaved, use_threads
from ai_mixer.training.builders import TrainingComponents, build_components
from ai_mixer.utils.progress import progress_bar

INDEX = ["work", "batch", "threads"]
LENGTHS = (1, 2, 4)  # times the excerpt: memory must grow no faster than these


def benchmark(
    parts: TrainingComponents, seconds: float, batches: list[int], threads: list[int], rounds: int
) -> pd.DataFrame:
    """Time and memory of effects, chain, losses, loader and step; one row per work and setting."""
    rows = [
        row
        for count in threads
        for batch in batches
        for row in _audio_rows(parts, seconds, batch, count, rounds)
    ]
    rows += [row for count in threads for row in _training_rows(parts, count, rounds)]
    return pd.DataFrame(rows).set_index(INDEX)


def memory(parts: TrainingComponents, seconds: float) -> pd.DataFrame:
    """Peak memory of the chain by length of the audio, forward and with gradients, in MiB."""
    rate, rows = parts.data.sample_rate, []
    for length in LENGTHS:
        chain = workloads.console_workload(
            parts.console, synthetic_audio(1, length * seconds, rate), rate
        )
        workloads.forward(chain)()
        rows.append(
            {
                "seconds": length * seconds,
                "forward MiB": peak_mib(workloads.forward(chain)),
                "forward + backward MiB": peak_mib(workloads.forward_backward(chain)),
            }
        )
    return pd.DataFrame(rows).set_index("seconds")


def _audio_rows(
    parts: TrainingComponents, seconds: float, batch: int, count: int, rounds: int
) -> Iterator[dict[str, Any]]:
    rate = parts.data.sample_rate
    audio = synthetic_audio(batch, seconds, rate)
    objective = parts.system.objective
    all_work = [
        *workloads.effect_workloads(parts.console, audio, rate),
        workloads.console_workload(parts.console, audio, rate),
        *workloads.loss_workloads(objective, audio, rate),
    ]
    with use_threads(count):
        for piece in progress_bar(all_work, f"batch {batch}, threads {count}"):
            jobs = {"f": workloads.forward(piece), "f+b": workloads.forward_backward(piece)}
            timings = time_interleaved(jobs, rounds)
            columns = {
                k: v for name in jobs for k, v in output.timing_columns(name, timings[name]).items()
            }
            yield {"work": piece.name, "batch": batch, "threads": count, **columns}


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


@stage("benchmark")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.benchmark [name=value …]`."""
    torch.manual_seed(cfg.seed)
    parts = build_components(cfg)
    settings = cfg.measure
    parts.data.songs("train")  # composed before the clock runs
    times = benchmark(parts, settings.seconds, settings.batches, settings.threads, settings.rounds)
    needs = memory(parts, settings.seconds)
    played = realtime_load(
        parts.console,
        settings.realtime_rate_hz,
        settings.realtime_block_samples,
        settings.realtime_blocks,
    )
    fed = loader_throughput(parts.data, settings.workers, settings.loader_batches)
    with use_threads(max(1, torch.get_num_threads() // 2)):  # as a training leaves it
        waited = loader_wait(parts, settings.workers, settings.steps).to_frame("training").T
    facts = {
        "Peak memory of the chain": ("memory_mib", needs),
        f"Live, in % of a block at {settings.realtime_rate_hz} Hz": ("live", played),
        f"Fed by {settings.workers} workers": ("loader", fed),
        f"Training beside {settings.workers} workers": ("waiting", waited),
    }
    path = Path(settings.json)
    rows = {name: more.reset_index().to_dict("records") for name, more in facts.values()}
    output.write_json(times, path, **rows)
    length = f"{parts.data.excerpt_s:g} s" if parts.data.excerpt_s else "whole songs"
    print(
        f"{settings.seconds:g} s of stereo; loader and step: {length}\n{output.format_table(times)}"
    )
    for title, (_, more) in facts.items():
        print(f"{title}\n\n{output.format_table(more)}")
    print(path)


if __name__ == "__main__":
    main()
