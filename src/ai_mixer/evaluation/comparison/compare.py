"""Compare runs: evaluate all on the same excerpts, and mix some songs with each."""

from collections.abc import Sequence

import torch
from omegaconf import DictConfig

from ai_mixer.core.types import CONDITIONS, Batch, Condition, Split
from ai_mixer.data.dataset import SongDataset
from ai_mixer.evaluation.comparison.page import Comparison
from ai_mixer.evaluation.comparison.pairwise import (
    closeness_by_song,
    evaluate_runs,
    pairwise_differences,
    run_scores,
)
from ai_mixer.evaluation.comparison.runs import ComparedRun, config_differences
from ai_mixer.evaluation.comparison.songs import compared_songs, sample_songs
from ai_mixer.evaluation.render import mix_sample, song_samples
from ai_mixer.inference.predictor import Predictor
from ai_mixer.listening import SongSamples
from ai_mixer.metrics.statistics import reportable
from ai_mixer.utils.progress import progress_bar


def compare(
    runs: Sequence[ComparedRun[Predictor]],
    *,
    data: DictConfig | None = None,
    split: Split = "test",
    excerpts_per_song: int = 2,
    songs: int = 6,
    seconds: float = 10.0,
    allow_seen: bool = False,
    seed: int = 0,
) -> Comparison:
    """Evaluate all runs on the same excerpts, and mix `songs` songs with each.

    data: a composed data config; None for the songs of the first run. seconds: length of the
    listening samples. allow_seen: keep songs that a run has seen in training, and mark the results.
    ValueError if no song is left.
    """
    dataset, holdout = compared_songs(runs, data, split, excerpts_per_song, allow_seen, seed)
    letters = [run.letter for run in runs]
    records = evaluate_runs({run.letter: run.predictor for run in runs}, dataset)
    tables = {
        "standings": reportable(run_scores(records, letters)),
        "differences": reportable(pairwise_differences(records, letters, seed)),
        "songs": closeness_by_song(records, letters),
        "settings": config_differences(runs),
    }
    sample_dataset = sample_songs(runs, data, split, seconds, holdout, seed)
    samples = _samples(runs, sample_dataset, songs)
    return Comparison(list(runs), records, tables, holdout, samples)


def _samples(
    runs: Sequence[ComparedRun[Predictor]], dataset: SongDataset, songs: int
) -> list[SongSamples]:
    count = min(songs, len(dataset))
    indices = [item * len(dataset) // count for item in range(count)]
    pairs = list(zip(indices, (CONDITIONS * count)[:count], strict=True))
    samples = [_sample(runs, dataset, *pair) for pair in progress_bar(pairs, "mixing songs")]
    return list({sample.name: sample for sample in samples}.values())  # duplicates of skipped songs


@torch.inference_mode()
def _sample(
    runs: Sequence[ComparedRun[Predictor]], dataset: SongDataset, index: int, condition: Condition
) -> SongSamples:
    """One song, mixed by every run; settings are those of the first run's knobs."""
    dataset.task.condition = condition
    batch = Batch.collate([dataset[0, index]])
    console = runs[0].predictor.console
    mixes = {run.version: mix_sample(run.predictor, batch, condition, console) for run in runs}
    return song_samples(batch, condition, mixes, console)
