"""Evaluate systems on excerpts: one record per excerpt, condition and system."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import Batch, Condition, SkippedSong, Song
from ai_mixer.data.dataset import SongDataset
from ai_mixer.data.skipped_songs import SkippedSongs
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.evaluation.baselines.system import ComparedSystem
from ai_mixer.evaluation.records import MetricValues, build_record, stage_metrics
from ai_mixer.metrics.distance import FinishedTarget
from ai_mixer.metrics.distortion import console_thd_n_percent
from ai_mixer.metrics.knob_use import knob_use
from ai_mixer.metrics.standards import power_spectrum, standards
from ai_mixer.models.shared_features import shared_features
from ai_mixer.utils.parallel import parallel_map

ScoreFunction = Callable[[Tensor, Tensor, int], MetricValues]
"""(mix, finished, sample_rate) → columns of a record."""

SCORED_SYSTEMS = ("rough", "mean_knobs", "model", "compare_run")
"""Systems on which the score functions are evaluated: they are slow."""


class EvaluationExcerpt(NamedTuple):
    """One excerpt as a batch of one, with the quantities that all systems share."""

    batch: Batch
    excerpt_index: int
    target: FinishedTarget
    power_spectrum: Tensor  # of the finished version
    rough: MetricValues  # distances of the rough


class Evaluator:
    """Compute protocols K, A and S for a set of systems.

    console: the console that the true positions belong to. excerpts: total number of excerpts; a
    system with `max_excerpts` is evaluated on evenly spaced ones. scores: further metrics of the
    systems in SCORED_SYSTEMS.
    """

    def __init__(
        self,
        systems: Mapping[str, ComparedSystem],
        conditions: Sequence[Condition],
        console: Console,
        songs: Mapping[str, Song],
        excerpts: int,
        scores: Sequence[ScoreFunction] = (),
    ) -> None:
        self.systems, self.conditions, self.console = systems, conditions, console
        self.songs, self.excerpts, self.scores = songs, excerpts, scores

    @torch.inference_mode()
    def records(self, batch: Batch, excerpt_index: int) -> list[dict[str, Any]]:
        """Return one record per condition and system. batch: one excerpt."""
        target = FinishedTarget(batch.finished, batch.sample_rate)
        spectrum = power_spectrum(batch.finished, batch.sample_rate)
        excerpt = EvaluationExcerpt(
            batch, excerpt_index, target, spectrum, target.distances(batch.rough)
        )
        measured: dict[str, MetricValues] = {}
        rows = []
        with shared_features():
            for condition in self.conditions:
                for name, system in self.systems.items():
                    if condition not in system.conditions:
                        continue
                    if name not in measured or system.uses_condition:
                        measured[name] = self._measure(name, system, excerpt, condition)
                    rows.append(build_record(self.songs, batch, condition, name, measured[name]))
        return rows

    def _measure(
        self, name: str, system: ComparedSystem, excerpt: EvaluationExcerpt, condition: Condition
    ) -> MetricValues:
        """Return the system's metrics; empty (NaN in the table) if it is not evaluated here."""
        batch, excerpt_index, target, spectrum, rough = excerpt
        unknown = system.needs_true_knobs and not bool(batch.mask.any())
        if unknown or not _is_selected(excerpt_index, self.excerpts, system.max_excerpts):
            return {}
        audio, stages = system.mix(batch, condition)
        if system.changes_level_only:
            # At equal loudness the output is the rough; crest and width do not depend on level.
            gap = target.loudness - loudness_lufs(audio, batch.sample_rate)
            measured = {**rough, "loudness_lu": gap.abs()}
        else:
            measured = target.distances(audio)
        versions = (audio, batch.rough, batch.finished, batch.sample_rate)
        measured |= standards(*versions, finished_spectrum=spectrum)
        if stages is not None:
            measured |= stage_metrics(self.console, stages, batch)
            measured |= knob_use(self.console.knobs, stages.applied.knobs)
        for score in self.scores if name in SCORED_SYSTEMS else ():
            measured |= score(audio, batch.finished, batch.sample_rate)
        if stages is not None and name == "model":
            applied = stages.applied.knobs
            percent = console_thd_n_percent(self.console, applied, batch.sample_rate)
            measured["standard/thd_n_percent"] = percent
        return measured


def evaluate_systems(
    systems: Mapping[str, ComparedSystem],
    conditions: Sequence[Condition],
    console: Console,
    dataset: SongDataset,
    title: str,
    scores: Sequence[ScoreFunction] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the records of every excerpt, and the skipped songs (file, reason).

    title: label of the progress bar.
    """
    songs = {song.id: song for song in dataset.songs}
    evaluator = Evaluator(systems, conditions, console, songs, len(dataset), scores)

    def evaluate_excerpt(
        excerpt_index: int,
    ) -> tuple[list[dict[str, Any]], list[SkippedSong]]:
        batch = Batch.collate([dataset[0, excerpt_index]])
        return evaluator.records(batch, excerpt_index), batch.skipped

    rows: list[dict[str, Any]] = []
    skipped = SkippedSongs()
    for records, skipped_songs in parallel_map(evaluate_excerpt, range(len(dataset)), title):
        rows += records
        skipped.add(skipped_songs)
    return pd.DataFrame(rows), pd.DataFrame(skipped.rows())


def _is_selected(excerpt_index: int, excerpts: int, max_excerpts: int | None) -> bool:
    """Whether this is one of `max_excerpts` excerpts that are spaced evenly over all.

    >>> [index for index in range(10) if _is_selected(index, 10, 3)]
    [0, 4, 7]
    """
    if max_excerpts is None or max_excerpts >= excerpts:
        return True
    return excerpt_index * max_excerpts % excerpts < max_excerpts
