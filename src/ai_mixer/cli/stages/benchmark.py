"""Benchmark: time and memory of every part of a training on this machine."""

from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage


@stage("benchmark")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.benchmark [name=value …]`."""
    import torch

    from ai_mixer.console import load_console
    from ai_mixer.evaluation.bench import output
    from ai_mixer.evaluation.bench.benchmark import benchmark, memory
    from ai_mixer.evaluation.bench.dataloader import loader_throughput, loader_wait
    from ai_mixer.evaluation.bench.gpu import gpu_table
    from ai_mixer.evaluation.bench.realtime import realtime_load
    from ai_mixer.evaluation.bench.timing import use_threads
    from ai_mixer.evaluation.bench.tracks import tracks_table
    from ai_mixer.training.builders import build_components

    torch.manual_seed(cfg.seed)
    parts = build_components(cfg)
    settings = cfg.measure
    parts.data.songs("train")  # synthesise the band before anything is timed
    times = benchmark(parts, settings.seconds, settings.batches, settings.threads, settings.rounds)
    peak_memory = memory(parts, settings.seconds)
    load = realtime_load(
        parts.console,
        settings.realtime_rate_hz,
        settings.realtime_block_samples,
        settings.realtime_blocks,
    )
    tracks = tracks_table(
        load_console("studio"), 44100, settings.seconds, settings.rounds, tuple(settings.tracks)
    )
    throughput = loader_throughput(parts.data, settings.workers, settings.loader_batches)
    with use_threads(max(1, torch.get_num_threads() // 2)):  # the rest is for the workers
        waiting = loader_wait(parts, settings.workers, settings.steps).to_frame("training").T
    tables = {
        "Peak memory of the console": ("memory_mib", peak_memory),
        f"Real time, in % of a block at {settings.realtime_rate_hz} Hz": ("live", load),
        "Console studio": ("tracks", tracks),
        f"Loader with {settings.workers} workers": ("loader", throughput),
        f"Training with {settings.workers} workers": ("waiting", waiting),
        "Console on a GPU": ("gpu", gpu_table(parts.console, 44100, settings.rounds)),
    }
    path = Path(settings.json)
    rows = {name: table.reset_index().to_dict("records") for name, table in tables.values()}
    output.write_json(times, path, **rows)
    length = f"{parts.data.excerpt_s:g} s" if parts.data.excerpt_s else "whole songs"
    print(
        f"{settings.seconds:g} s of stereo; loader and step: {length}\n{output.format_table(times)}"
    )
    for title, (_, table) in tables.items():
        print(f"{title}\n\n{output.format_table(table)}")
    print(path)


if __name__ == "__main__":
    main()
