"""The words of the project as types: knob, song, example, batch.

Shapes: B songs, C channels, T samples, P knobs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from ai_mixer.core.units import SCALES

CONDITIONS = ("blind", "reference", "paired")
"""What the model may hear beside the rough: nothing, another excerpt of the finished version, or
the finished version of the very same excerpt. `Batch.condition` is an index into this."""

GENRES = ("rock", "pop", "electronic", "jazz", "classical", "hip_hop")
"""The genres the embedded band plays; other labels are kept in the manifest and index as −1."""

Settings = list[dict[str, float]]
"""One dict per song: knob name → value in physical units."""


@dataclass(frozen=True)
class Knob:
    """One console control: on the wire a position 0–1, inside effects a physical value."""

    name: str
    unit: str
    low: float
    high: float
    scale: str
    neutral: float

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"knob {self.name}: scale {self.scale!r} is none of {sorted(SCALES)}")
        if not self.low <= self.neutral <= self.high or self.low >= self.high:
            raise ValueError(
                f"knob {self.name}: needs low ≤ neutral ≤ high and low < high, "
                f"got {self.low}, {self.neutral}, {self.high}"
            )

    def to_physical(self, position: Tensor) -> Tensor:
        """Physical value at a position: 0 gives `low`, 1 gives `high`."""
        scale, (low, high) = SCALES[self.scale], self._warped_limits(position)
        return scale.unwarp(low + position * (high - low))

    def to_position(self, value: Tensor) -> Tensor:
        """Position 0–1 of a physical value."""
        scale, (low, high) = SCALES[self.scale], self._warped_limits(value)
        return (scale.warp(value) - low) / (high - low)

    @property
    def neutral_position(self) -> float:
        """Where the knob does nothing, 0–1."""
        return float(self.to_position(torch.tensor(self.neutral, dtype=torch.float64)))

    def _warped_limits(self, like: Tensor) -> Tensor:
        ends = torch.tensor([self.low, self.high], dtype=torch.float64)
        return SCALES[self.scale].warp(ends).to(like)


@dataclass(frozen=True)
class Song:
    """One recording on disk, as a manifest row describes it.

    `path` is the finished version; `dry_path`, where there is one, the same mix before reverb and
    delay; `rough_path` what somebody made it from, which begins `rough_lag_s` later (earlier, if
    negative). `reference` is another song that it is meant to sound like. `song` names the
    composition and `group` whatever must not be split (artist or corpus).
    """

    id: str
    path: Path
    song: str
    group: str
    split: str
    duration_s: float
    sample_rate: int
    channels: int
    genre: str | None = None
    artist: str | None = None
    title: str | None = None
    licence: str | None = None
    dry_path: Path | None = None
    stems: Mapping[str, Path] = field(default_factory=dict)
    rough_path: Path | None = None
    rough_lag_s: float = 0.0
    reference: "Song | None" = None


class SkippedSong(NamedTuple):
    """A song that was left out: its file, and what is wrong with it."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


class Excerpt(NamedTuple):
    """What was read from a song, before a task makes an example of it.

    audio: [C, T]. stems: name → reads the same place of that stem, [C, T]; only when called.
    """

    audio: Tensor
    sample_rate: int
    stems: Mapping[str, Callable[[], Tensor]]


class Features(NamedTuple):
    """What a model's ears make of an example, before anything learned touches it.

    pictures: [B, 6, mels, frames]. statistics: [B, S].
    """

    log_mel: Tensor
    statistics: Tensor


class Prediction(NamedTuple):
    """What a model says of a batch.

    knobs: [B, P] positions. spread: [B, P], by how much it expects each to be off on average, in
    knob travel. genre: [B, G] logits over GENRES. None where a model does not say.
    """

    knobs: Tensor
    uncertainty: Tensor | None = None
    genre: Tensor | None = None


@dataclass
class Example:
    """One training example: a batch item without the batch dimension.

    rough, finished, reference: [C, T]. knobs: [P] positions. mask: [P], True where the knob can be
    learned from this example; all False where nobody knows the knobs (a rough that was given), and
    only the sound can teach. condition: index into CONDITIONS. skipped: songs that it should have
    been made from, and could not. free: [P], True where no truth is known although the knob is
    needed; default nowhere.
    """

    rough: Tensor
    finished: Tensor
    reference: Tensor
    condition: int
    knobs: Tensor
    mask: Tensor
    genre: int
    sample_rate: int
    song_id: str
    skipped: tuple[SkippedSong, ...] = ()
    unlabelled: Tensor = None  # type: ignore[assignment]  # set below: as long as the mask

    def __post_init__(self) -> None:
        self.unlabelled = _all_false(self.mask) if self.unlabelled is None else self.unlabelled


@dataclass
class Batch:
    """What the system sees. Audio is [B, C, T] at one rate; blind items have a silent reference."""

    rough: Tensor
    finished: Tensor
    reference: Tensor
    condition: Tensor  # [B] long, index into CONDITIONS
    knobs: Tensor  # [B, P], 0–1
    mask: Tensor  # [B, P] bool, True = counts
    genre: Tensor  # [B] long, index into GENRES or −1
    sample_rate: int
    song_id: list[str]
    skipped: list[SkippedSong] = field(
        default_factory=list
    )  # songs left out on the way, of all items
    unlabelled: Tensor = None  # type: ignore[assignment]  # [B, P] bool, True = judged by ear only
    features: Features | None = None  # in place of the audio, where only this was kept

    def __post_init__(self) -> None:
        self.unlabelled = _all_false(self.mask) if self.unlabelled is None else self.unlabelled

    @classmethod
    def collate(cls, examples: Sequence[Example]) -> Self:
        """Stack examples of equal length and rate."""
        rates = {example.sample_rate for example in examples}
        if len(rates) != 1:
            raise ValueError(f"a batch has one sample rate, got {sorted(rates)}: resample first")

        def stack(name: str) -> Tensor:
            return torch.stack([torch.as_tensor(getattr(example, name)) for example in examples])

        tensors: dict[str, Any] = {n: stack(n) for n in _TENSORS}
        return cls(
            **tensors,
            sample_rate=rates.pop(),
            song_id=[example.song_id for example in examples],
            skipped=[song for example in examples for song in example.skipped],
        )

    def __len__(self) -> int:
        return len(self.song_id)

    def first(self, count: int) -> Self:
        """The first `count` items (audio losses are dear and run on few items)."""
        return replace(
            self, **{n: getattr(self, n)[:count] for n in _TENSORS}, song_id=self.song_id[:count]
        )

    def select(self, chosen: Tensor) -> Self:
        """The items that are chosen: [B] bool."""
        kept = {n: getattr(self, n)[chosen] for n in _TENSORS}
        names = [name for name, keep in zip(self.song_id, chosen.tolist(), strict=True) if keep]
        return replace(self, **kept, song_id=names)

    def with_condition(self, condition: str) -> Self:
        """The same songs heard "blind" or "paired": what needs no other excerpt of the song."""
        features = {"blind": torch.zeros_like(self.finished), "paired": self.finished}[condition]
        index = torch.full_like(self.condition, CONDITIONS.index(condition))
        return replace(self, reference=features, condition=index)

    def concatenate(self, *others: Self) -> Self:
        """One batch: these items, then those of the others."""
        parts = (self, *others)
        joined: dict[str, Any] = {
            n: torch.cat([getattr(part, n) for part in parts]) for n in _TENSORS
        }
        names = [name for part in parts for name in part.song_id]
        skipped = list(dict.fromkeys(song for part in parts for song in part.skipped))
        return replace(self, **joined, song_id=names, skipped=skipped)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move the audio and knobs; a dtype changes floating-point tensors only."""
        return self._map_tensors(lambda tensor: tensor.to(*args, **kwargs))

    def pin_memory(self) -> Self:
        """Called by torch's loader on machines with a GPU."""
        return self._map_tensors(lambda tensor: tensor.pin_memory())

    def _map_tensors(self, change: Callable[[Tensor], Tensor]) -> Self:
        changed: dict[str, Any] = {n: change(getattr(self, n)) for n in _TENSORS}
        features = None if self.features is None else Features(*map(change, self.features))
        return replace(self, **changed, features=features)


_TENSORS = tuple(f.name for f in fields(Batch) if f.type is Tensor)


def _all_false(mask: Tensor) -> Tensor:
    return torch.zeros_like(torch.as_tensor(mask), dtype=torch.bool)


def knob_names(knobs: Iterable[Knob]) -> list[str]:
    """The names, in wire order."""
    return [knob.name for knob in knobs]
