"""One excerpt, heard by every system under every condition: records of what came of it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ai_mixer.baselines.system import Answer, System
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.metrics.distance import distances
from ai_mixer.metrics.knobs import knob_errors
from ai_mixer.types import Batch, Knob, Song

Measured = dict[str, Tensor]
"""What was measured of one system: name → [B]."""


class Judge:
    """Asks the systems and measures their answers (protocols K and A).

    knobs: those of the console that the true positions belong to. excerpts: how many there are in
    all, among which a system that takes part in few is given evenly chosen ones.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        conditions: Sequence[str],
        knobs: Sequence[Knob],
        songs: Mapping[str, Song],
        excerpts: int,
    ) -> None:
        self.systems, self.conditions, self.knobs = systems, conditions, knobs
        self.songs, self.excerpts = songs, excerpts

    @torch.inference_mode()
    def records(self, batch: Batch, place: int) -> list[dict[str, Any]]:
        """A row per condition and system. batch: one excerpt, the `place`-th of all."""
        rough = self._measure(Answer(batch.rough), batch)
        known: dict[str, Measured] = {}
        rows = []
        for condition in self.conditions:
            for name, system in self._able(condition):
                if name not in known or system.listens:
                    known[name] = self._ask(system, batch, condition, rough, place)
                rows.append(self._row(batch, condition, name, known[name]))
        return rows

    def _able(self, condition: str) -> Iterator[tuple[str, System]]:
        for name, system in self.systems.items():
            if condition in system.conditions:
                yield name, system

    def _ask(
        self, system: System, batch: Batch, condition: str, rough: Measured, place: int
    ) -> Measured:
        """What was measured; nothing (NaN in the table) where the system has no answer."""
        unknown = system.needs_knobs and not bool(batch.mask.any())
        if unknown or not _chosen(place, self.excerpts, system.at_most):
            return {name: torch.full_like(values, math.nan) for name, values in rough.items()}
        answer = system.mix(batch, condition)
        if system.only_level:
            # At equal loudness it is the rough, and crest and width know no level.
            loudness = [loudness_lufs(x, batch.sample_rate) for x in (answer.audio, batch.finished)]
            return {**rough, "loudness_lu": (loudness[1] - loudness[0]).abs()}
        return self._measure(answer, batch)

    def _measure(self, answer: Answer, batch: Batch) -> Measured:
        measured = distances(answer.audio, batch.finished, batch.sample_rate)
        if answer.knobs is not None:
            measured |= knob_errors(self.knobs, answer.knobs, batch.knobs, batch.mask)
        return measured

    def _row(self, batch: Batch, condition: str, name: str, measured: Measured) -> dict[str, Any]:
        song = self.songs[batch.song_id[0]]
        return {
            "song_id": song.song,  # several recordings of one song are one witness
            "genre": song.genre or "unknown",
            "condition": condition,
            "system": name,
            **{name: float(values[0]) for name, values in measured.items()},
        }


def _chosen(place: int, excerpts: int, at_most: int | None) -> bool:
    """Is this one of `at_most` places, evenly over all?

    >>> [place for place in range(10) if _chosen(place, 10, 3)]
    [0, 4, 7]
    """
    if at_most is None or at_most >= excerpts:
        return True
    return place * at_most % excerpts < at_most
