"""One excerpt, heard by every system under every condition: records of what came of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import Batch, Prediction, SkippedSong, Song
from ai_mixer.data.dataset import SongDataset
from ai_mixer.data.skipped_songs import SkippedSongs
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.evaluation.baselines.system import ComparedSystem
from ai_mixer.metrics.coverage import inside_interval
from ai_mixer.metrics.distance import FinishedTarget
from ai_mixer.metrics.distortion import console_thd_n_percent
from ai_mixer.metrics.knob_skill import knob_errors
from ai_mixer.metrics.knob_use import knob_use
from ai_mixer.metrics.standards import power_spectrum, standards
from ai_mixer.models.shared_features import shared_features
from ai_mixer.utils.parallel import parallel_map

MetricValues = dict[str, Tensor]
"""What was measured of one system: name → [B]."""

ScoreFunction = Callable[[Tensor, Tensor, int], MetricValues]
"""(mix, finished, sample_rate) → columns of a record."""

SCORED_SYSTEMS = ("rough", "mean_knobs", "model", "champion")


class EvaluationExcerpt(NamedTuple):
    """What every system is asked about: a batch of one, the `place`-th of all."""

    batch: Batch
    excerpt_index: int
    target: FinishedTarget
    power_spectrum: Tensor  # of the finished version
    rough: MetricValues


class Evaluator:
    """Asks the systems and measures their answers (protocols K, A and S).

    console: the one whose knobs the true positions are. excerpts: how many there are in
    all, among which a system that takes part in few is given evenly chosen ones. scores: what else
    is said of the systems in SCORED.
    """

    def __init__(
        self,
        systems: Mapping[str, ComparedSystem],
        conditions: Sequence[str],
        console: Console,
        songs: Mapping[str, Song],
        excerpts: int,
        scores: Sequence[ScoreFunction] = (),
    ) -> None:
        self.systems, self.conditions, self.console = systems, conditions, console
        self.songs, self.excerpts, self.scores = songs, excerpts, scores

    @torch.inference_mode()
    def records(self, batch: Batch, excerpt_index: int) -> list[dict[str, Any]]:
        """A row per condition and system. batch: one excerpt, the `place`-th of all."""
        target = FinishedTarget(batch.finished, batch.sample_rate)
        spectrum = power_spectrum(batch.finished, batch.sample_rate)
        excerpt = EvaluationExcerpt(
            batch, excerpt_index, target, spectrum, target.distances(batch.rough)
        )
        known: dict[str, MetricValues] = {}
        rows = []
        with shared_features():
            for condition in self.conditions:
                for name, system in self.systems.items():
                    if condition not in system.conditions:
                        continue
                    if name not in known or system.uses_condition:
                        known[name] = self._measure(name, system, excerpt, condition)
                    rows.append(build_record(self.songs, batch, condition, name, known[name]))
        return rows

    def _measure(
        self, name: str, system: ComparedSystem, excerpt: EvaluationExcerpt, condition: str
    ) -> MetricValues:
        """What was measured; nothing (NaN in the table) where the system has no answer."""
        batch, excerpt_index, target, spectrum, rough = excerpt
        unknown = system.needs_true_knobs and not bool(batch.mask.any())
        if unknown or not _is_selected(excerpt_index, self.excerpts, system.max_excerpts):
            return {}
        audio, knobs, uncertainty = system.mix(batch, condition)
        if (
            system.changes_level_only
        ):  # at equal loudness it is the rough; crest and width know no level
            gap = target.loudness - loudness_lufs(audio, batch.sample_rate)
            measured = {**rough, "loudness_lu": gap.abs()}
        else:
            measured = target.distances(audio)
        versions = (audio, batch.rough, batch.finished, batch.sample_rate)
        measured |= standards(*versions, finished_spectrum=spectrum)
        if knobs is not None:
            measured |= knob_metrics(self.console, Prediction(knobs, uncertainty), batch)
            measured |= knob_use(self.console.knobs, knobs)
        for score in self.scores if name in SCORED_SYSTEMS else ():
            measured |= score(audio, batch.finished, batch.sample_rate)
        if knobs is not None and name == "model":
            percent = console_thd_n_percent(self.console, knobs, batch.sample_rate)
            measured["standard/thd_n_percent"] = percent
        return measured


def knob_metrics(console: Console, prediction: Prediction, batch: Batch) -> MetricValues:
    """Protocol K: the knobs' errors, and where a spread was said, whether the truth lies within."""
    measured = knob_errors(console.knobs, prediction.knobs, batch.knobs, batch.mask)
    if prediction.uncertainty is not None:
        measured |= inside_interval(
            console.names, prediction.knobs, prediction.uncertainty, batch.knobs, batch.mask
        )
    return measured


def build_record(
    songs: Mapping[str, Song], batch: Batch, condition: str, name: str, measured: MetricValues
) -> dict[str, Any]:
    """A row of the table: what was measured of one system on a batch of one excerpt."""
    song = songs[batch.song_id[0]]
    return {
        "song_id": song.song,  # several recordings of one song are one witness
        "genre": song.genre or "unknown",
        "condition": condition,
        "system": name,
        **{name: float(values[0]) for name, values in measured.items()},
    }


def evaluate_systems(
    systems: Mapping[str, ComparedSystem],
    conditions: Sequence[str],
    console: Console,
    dataset: SongDataset,
    title: str,
    scores: Sequence[ScoreFunction] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records of every excerpt, and the songs that were left out (file, reason)."""
    songs = {song.id: song for song in dataset.songs}
    judge = Evaluator(systems, conditions, console, songs, len(dataset), scores)

    def outcome(excerpt_index: int) -> tuple[list[dict[str, Any]], list[SkippedSong]]:
        batch = Batch.collate([dataset[0, excerpt_index]])
        return judge.records(batch, excerpt_index), batch.skipped

    rows: list[dict[str, Any]] = []
    skipped = SkippedSongs()
    for records, left_out in parallel_map(outcome, range(len(dataset)), title):
        rows += records
        skipped.add(left_out)
    return pd.DataFrame(rows), pd.DataFrame(skipped.rows())


def _is_selected(excerpt_index: int, excerpts: int, max_excerpts: int | None) -> bool:
    """Is this one of `at_most` places, evenly over all?

    >>> [place for place in range(10) if _is_selected(place, 10, 3)]
    [0, 4, 7]
    """
    if max_excerpts is None or max_excerpts >= excerpts:
        return True
    return excerpt_index * max_excerpts % excerpts < max_excerpts
