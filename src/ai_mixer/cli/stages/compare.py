"""Compare: the same songs mixed by several runs, on one page to hear blind and to read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.overrides import quote_run_list
from ai_mixer.core.types import CONDITIONS, GENRES, Batch
from ai_mixer.data.dataset import SongDataset
from ai_mixer.evaluation.comparison.holdout_filter import filter_holdout_songs
from ai_mixer.evaluation.comparison.page import Comparison, summary_text, write_comparison
from ai_mixer.evaluation.comparison.pairwise import (
    closeness_by_song,
    evaluate_runs,
    pairwise_differences,
    run_scores,
)
from ai_mixer.evaluation.comparison.runs import ComparedRun, config_differences, load_compared_runs
from ai_mixer.inference.predictor import Predictor
from ai_mixer.listening import Mix, SongSamples, setting_rows
from ai_mixer.metrics.distance import distances
from ai_mixer.training.builders import build_evaluation_datamodule
from ai_mixer.utils.progress import progress_bar


def compare(
    runs: Sequence[ComparedRun],
    *,
    data: DictConfig | None = None,
    split: str = "test",
    excerpts_per_song: int = 2,
    songs: int = 6,
    seconds: float = 10.0,
    seed: int = 0,
) -> Comparison:
    """Judge all runs on the same excerpts, and mix some of the songs with each.

    data: a composed data config, None for the songs of the first run. ValueError if a run was
    trained on all of them.
    """
    first = runs[0].predictor
    per_song = {"held_out_per_song": excerpts_per_song, "seed": seed}
    dataset = build_evaluation_datamodule(
        first.config, first.console, data, "reference", **per_song
    ).dataset(split)
    free = filter_holdout_songs(dataset.songs, {run.letter: run.folder for run in runs})
    dataset.songs = free.songs
    letters = [run.letter for run in runs]
    records = evaluate_runs({run.letter: run.predictor for run in runs}, dataset)
    tables = {
        "standings": run_scores(records, letters),
        "differences": pairwise_differences(records, letters, seed),
        "songs": closeness_by_song(records, letters),
        "settings": config_differences(runs),
    }
    to_hear = {"excerpt_s": seconds, "held_out_per_song": 1, "seed": seed}
    heard = build_evaluation_datamodule(
        first.config, first.console, data, "any", **to_hear
    ).dataset(split)
    heard.songs = free.songs
    return Comparison(list(runs), records, tables, free, _samples(runs, heard, songs))


def _samples(runs: Sequence[ComparedRun], dataset: SongDataset, songs: int) -> list[SongSamples]:
    count = min(songs, len(dataset))
    places = [item * len(dataset) // count for item in range(count)]
    asked = list(zip(places, (CONDITIONS * count)[:count], strict=True))
    found = [_sample(runs, dataset, *one) for one in progress_bar(asked, "mixing songs")]
    return list({sample.name: sample for sample in found}.values())  # one may stand in twice


@torch.inference_mode()
def _sample(
    runs: Sequence[ComparedRun], dataset: SongDataset, place: int, condition: str
) -> SongSamples:
    """One song, mixed by every run."""
    dataset.task.condition = condition
    batch = Batch.collate([dataset[0, place]])
    genre = int(batch.genre)
    return SongSamples(
        name=batch.song_id[0].removesuffix("/finished"),
        sample_rate=batch.sample_rate,
        rough=batch.rough[0].numpy(),
        mixes={
            run.version: _mix(run.predictor, runs[0].predictor, batch, condition) for run in runs
        },
        finished=batch.finished[0].numpy(),
        genre=GENRES[genre] if genre >= 0 else None,
        condition=condition,
        rough_metrics=_distances(batch.rough, batch),
    )


def _mix(predictor: Predictor, first: Predictor, batch: Batch, condition: str) -> Mix:
    """A run's mix; its settings as rows of the first run's knobs."""
    knobs = predictor.shrink(predictor.predict_batch(batch, condition)).knobs
    mix = predictor.console(batch.rough, batch.sample_rate, knobs)
    own = first.console
    rows = setting_rows(
        own.knobs,
        predictor.console.settings(knobs)[0],
        own.settings(batch.knobs)[0],
        [name for name, counts in zip(own.names, batch.mask[0], strict=True) if not counts],
    )
    return Mix(mix[0].numpy(), rows, _distances(mix, batch))


def _distances(mix: torch.Tensor, batch: Batch) -> dict[str, float]:
    found = distances(mix, batch.finished, batch.sample_rate)
    return {name: float(value) for name, value in found.items()}


@stage("compare", transform=quote_run_list)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.compare runs=a,b [name=value …]`."""
    names = ("split", "excerpts_per_song", "songs", "seconds", "seed")
    options: dict[str, Any] = {name: cfg[name] for name in names}
    runs = load_compared_runs(
        [str(run) for run in cfg.runs or []], cfg.paths.mlruns, cfg.allow_targets
    )
    found = compare(runs, data=cfg.get("data"), **options)
    page = write_comparison(found, Path(cfg.out))
    print(summary_text(found))
    print(page)


if __name__ == "__main__":
    main()
