"""One excerpt, heard by every system under every condition: records of what came of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import Batch, Prediction, Skipped, Song
from ai_mixer.data.dataset import SongDataset
from ai_mixer.data.skipped_songs import SkippedSongs
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.evaluation.baselines.system import System
from ai_mixer.metrics.coverage import inside
from ai_mixer.metrics.distance import Target
from ai_mixer.metrics.distortion import console_thd_n_percent
from ai_mixer.metrics.knob_skill import knob_errors
from ai_mixer.metrics.knob_use import knob_use
from ai_mixer.metrics.standards import density, standards
from ai_mixer.models.shared_features import shared_ears
from ai_mixer.utils.parallel import over_cores

Measured = dict[str, Tensor]
"""What was measured of one system: name → [B]."""

Score = Callable[[Tensor, Tensor, int], Measured]
"""(mix, finished, sample_rate) → columns of a record."""

SCORED = ("rough", "mean_knobs", "model", "champion")


class Excerpt(NamedTuple):
    """What every system is asked about: a batch of one, the `place`-th of all."""

    batch: Batch
    place: int
    target: Target
    density: Tensor  # of the finished version
    rough: Measured


class Judge:
    """Asks the systems and measures their answers (protocols K, A and S).

    console: the one whose knobs the true positions are. excerpts: how many there are in
    all, among which a system that takes part in few is given evenly chosen ones. scores: what else
    is said of the systems in SCORED.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        conditions: Sequence[str],
        console: Console,
        songs: Mapping[str, Song],
        excerpts: int,
        scores: Sequence[Score] = (),
    ) -> None:
        self.systems, self.conditions, self.console = systems, conditions, console
        self.songs, self.excerpts, self.scores = songs, excerpts, scores

    @torch.inference_mode()
    def records(self, batch: Batch, place: int) -> list[dict[str, Any]]:
        """A row per condition and system. batch: one excerpt, the `place`-th of all."""
        target = Target(batch.finished, batch.sample_rate)
        spectrum = density(batch.finished, batch.sample_rate)
        excerpt = Excerpt(batch, place, target, spectrum, target.distances(batch.rough))
        known: dict[str, Measured] = {}
        rows = []
        with shared_ears():
            for condition in self.conditions:
                for name, system in self.systems.items():
                    if condition not in system.conditions:
                        continue
                    if name not in known or system.listens:
                        known[name] = self._ask(name, system, excerpt, condition)
                    rows.append(record(self.songs, batch, condition, name, known[name]))
        return rows

    def _ask(self, name: str, system: System, excerpt: Excerpt, condition: str) -> Measured:
        """What was measured; nothing (NaN in the table) where the system has no answer."""
        batch, place, target, spectrum, rough = excerpt
        unknown = system.needs_knobs and not bool(batch.mask.any())
        if unknown or not _chosen(place, self.excerpts, system.at_most):
            return {}
        audio, knobs, spread = system.mix(batch, condition)
        if system.only_level:  # at equal loudness it is the rough; crest and width know no level
            gap = target.loudness - loudness_lufs(audio, batch.sample_rate)
            measured = {**rough, "loudness_lu": gap.abs()}
        else:
            measured = target.distances(audio)
        versions = (audio, batch.rough, batch.finished, batch.sample_rate)
        measured |= standards(*versions, wanted=spectrum)
        if knobs is not None:
            measured |= against_truth(self.console, Prediction(knobs, spread), batch)
            measured |= knob_use(self.console.knobs, knobs)
        for score in self.scores if name in SCORED else ():
            measured |= score(audio, batch.finished, batch.sample_rate)
        if knobs is not None and name == "model":
            percent = console_thd_n_percent(self.console, knobs, batch.sample_rate)
            measured["standard/thd_n_percent"] = percent
        return measured


def against_truth(console: Console, said: Prediction, batch: Batch) -> Measured:
    """Protocol K: the knobs' errors, and where a spread was said, whether the truth lies within."""
    measured = knob_errors(console.knobs, said.knobs, batch.knobs, batch.mask)
    if said.spread is not None:
        measured |= inside(console.names, said.knobs, said.spread, batch.knobs, batch.mask)
    return measured


def record(
    songs: Mapping[str, Song], batch: Batch, condition: str, name: str, measured: Measured
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


def judged(
    systems: Mapping[str, System],
    conditions: Sequence[str],
    console: Console,
    dataset: SongDataset,
    title: str,
    scores: Sequence[Score] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records of every excerpt, and the songs that were left out (file, reason)."""
    songs = {song.id: song for song in dataset.songs}
    judge = Judge(systems, conditions, console, songs, len(dataset), scores)

    def outcome(place: int) -> tuple[list[dict[str, Any]], list[Skipped]]:
        batch = Batch.collate([dataset[0, place]])
        return judge.records(batch, place), batch.skipped

    rows: list[dict[str, Any]] = []
    skipped = SkippedSongs()
    for records, left_out in over_cores(outcome, range(len(dataset)), title):
        rows += records
        skipped.add(left_out)
    return pd.DataFrame(rows), pd.DataFrame(skipped.rows())


def _chosen(place: int, excerpts: int, at_most: int | None) -> bool:
    """Is this one of `at_most` places, evenly over all?

    >>> [place for place in range(10) if _chosen(place, 10, 3)]
    [0, 4, 7]
    """
    if at_most is None or at_most >= excerpts:
        return True
    return place * at_most % excerpts < at_most
