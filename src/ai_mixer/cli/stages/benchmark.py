"""Measure how long every part of a training takes here: a table, and the same as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.evaluation.bench import table, workloads
from ai_mixer.evaluation.bench.dataloader import feeding, waiting
from ai_mixer.evaluation.bench.memory import peak_mib
from ai_mixer.evaluation.bench.realtime import live
from ai_mixer.evaluation.bench.timing import alternate, use_threads
from ai_mixer.training.builders import Parts, assemble
from ai_mixer.utils.progress import track

INDEX = ["work", "batch", "threads"]
LENGTHS = (1, 2, 4)  # times the excerpt: memory must grow no faster than these


def benchmark(
    parts: Parts, seconds: float, batches: list[int], threads: list[int], rounds: int
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


def memory(parts: Parts, seconds: float) -> pd.DataFrame:
    """Peak memory of the chain by length of the audio, forward and with gradients, in MiB."""
    rate, rows = parts.data.sample_rate, []
    for length in LENGTHS:
        chain = workloads.chain(parts.console, workloads.music(1, length * seconds, rate), rate)
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
    parts: Parts, seconds: float, batch: int, count: int, rounds: int
) -> Iterator[dict[str, Any]]:
    rate = parts.data.sample_rate
    audio = workloads.music(batch, seconds, rate)
    objective = parts.system.objective
    all_work = [
        *workloads.effects(parts.console, audio, rate),
        workloads.chain(parts.console, audio, rate),
        *workloads.losses(objective, audio, rate),
    ]
    with use_threads(count):
        for piece in track(all_work, f"batch {batch}, threads {count}"):
            jobs = {"f": workloads.forward(piece), "f+b": workloads.forward_backward(piece)}
            timings = alternate(jobs, rounds)
            columns = {k: v for name in jobs for k, v in table.columns(name, timings[name]).items()}
            yield {"work": piece.name, "batch": batch, "threads": count, **columns}


def _training_rows(parts: Parts, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    jobs = {
        "loader": ("f", workloads.loader(parts)),
        "training step": ("f+b", workloads.training_step(parts)),
    }
    with use_threads(count):
        for name, (kind, job) in jobs.items():
            timing = alternate({name: job}, rounds)[name]
            row = {"work": name, "batch": parts.data.batch_size, "threads": count}
            yield {**row, **table.columns(kind, timing)}


@stage("benchmark")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.benchmark [name=value …]`."""
    torch.manual_seed(cfg.seed)
    parts = assemble(cfg)
    settings = cfg.measure
    parts.data.songs("train")  # composed before the clock runs
    times = benchmark(parts, settings.seconds, settings.batches, settings.threads, settings.rounds)
    needs = memory(parts, settings.seconds)
    played = live(parts.console, settings.live_rate, settings.live_block, settings.live_blocks)
    fed = feeding(parts.data, settings.workers, settings.loader_batches)
    with use_threads(max(1, torch.get_num_threads() // 2)):  # as a training leaves it
        waited = waiting(parts, settings.workers, settings.steps).to_frame("training").T
    facts = {
        "Peak memory of the chain": ("memory_mib", needs),
        f"Live, in % of a block at {settings.live_rate} Hz": ("live", played),
        f"Fed by {settings.workers} workers": ("loader", fed),
        f"Training beside {settings.workers} workers": ("waiting", waited),
    }
    path = Path(settings.json)
    rows = {name: more.reset_index().to_dict("records") for name, more in facts.values()}
    table.write(times, path, **rows)
    length = f"{parts.data.excerpt_s:g} s" if parts.data.excerpt_s else "whole songs"
    print(f"{settings.seconds:g} s of stereo; loader and step: {length}\n{table.show(times)}")
    for title, (_, more) in facts.items():
        print(f"{title}\n\n{table.show(more)}")
    print(path)


if __name__ == "__main__":
    main()
