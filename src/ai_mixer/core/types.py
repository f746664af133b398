"""Data types that all packages share: song, example, batch, prediction.

Shapes: B songs, C channels, T samples, P knobs, G genres.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import torch
from torch import Tensor

from ai_mixer.core.track import Track

Condition = Literal["blind", "reference", "paired"]
"""Second model input besides the rough: silence, another excerpt of the finished version, or the
finished version of the same excerpt."""

Split = Literal["train", "val", "test"]
"""Part of a dataset."""

Version = Literal["rough", "finished"]
"""One of the two versions of a song that an example holds."""

CONDITIONS: tuple[Condition, ...] = ("blind", "reference", "paired")
"""All conditions; `Batch.condition` is an index into this tuple."""

GENRES = ("rock", "pop", "electronic", "jazz", "classical", "hip_hop")
"""Genres that a model can predict, those of `data=band`. Other labels stay in the manifest and have
the index −1."""

Settings = list[dict[str, float]]
"""One dict per song: knob name → value in physical units."""


@dataclass(frozen=True)
class Song:
    """One recording on disk, as a manifest row describes it.

    path: the finished version. dry_path: the same mix before reverb and delay. rough_path: a rough
    version; it starts `rough_lag_s` later than the finished version (negative: earlier).
    reference: another song whose sound is the target. song: name of the composition. group: the
    unit that splits keep together (artist or corpus). source_digest: of the file that this one is
    an excerpt of (`data.file_digest.digest_file`). tracks: whose sum is the finished version; where
    there is no file of it, `path` is that of the first track.
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
    source_digest: str | None = None
    tracks: tuple[Track, ...] = ()


class SkippedSong(NamedTuple):
    """A song that was left out, with the reason."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


class Excerpt(NamedTuple):
    """Audio read from a song, the input of a task.

    audio: [C, T]. stems: name → function that reads the same region of that stem, [C, T].
    """

    audio: Tensor
    sample_rate: int
    stems: Mapping[str, Callable[[], Tensor]]


class Features(NamedTuple):
    """Fixed (not learned) input features of a model.

    log_mel: [B, 6, mels, frames]. statistics: [B, S].
    """

    log_mel: Tensor
    statistics: Tensor


class Prediction(NamedTuple):
    """Output of a model for a batch.

    knobs: [B, P] positions. uncertainty: [B, P], expected absolute error of each position. genre:
    [B, G] logits over GENRES. None: the model has no such output.
    """

    knobs: Tensor
    uncertainty: Tensor | None = None
    genre: Tensor | None = None


class KnobStages(NamedTuple):
    """The knobs of a batch at the two stages of a mix.

    predicted: output of the model, averaged over the windows of a song, untrained knobs at neutral.
    applied: what the mix is rendered with: the predicted knobs, shrunk towards neutral by their
    uncertainty and, with a reference or the finished version, refined (see `Predictor.apply`).
    """

    predicted: Prediction
    applied: Prediction


@dataclass
class Example:
    """One training example: a batch item without the batch dimension.

    rough, finished, reference: [C, T]. knobs: [P] positions. mask: [P] bool, True where the knob
    has a target in this example; all False if the knobs are unknown (a real rough), so that only
    losses on audio apply. condition: index into CONDITIONS. skipped: songs that could not be used
    for this example. unlabelled: [P] bool, True where the knob matters but has no target; default
    all False.
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
    unlabelled: Tensor = None  # type: ignore[assignment]  # default set in __post_init__

    def __post_init__(self) -> None:
        self.unlabelled = _all_false(self.mask) if self.unlabelled is None else self.unlabelled


@dataclass
class Batch:
    """Input of a training step, stacked examples.

    rough, finished, reference: [B, C, T] at one sample rate; the reference of a blind item is
    silent. skipped: songs that could not be used, of all items. unlabelled: [B, P] bool, see
    `Example`. features: set instead of the audio if only features were cached.
    """

    rough: Tensor
    finished: Tensor
    reference: Tensor
    condition: Tensor  # [B] long, index into CONDITIONS
    knobs: Tensor  # [B, P], 0–1
    mask: Tensor  # [B, P] bool, True: the knob has a target
    genre: Tensor  # [B] long, index into GENRES or −1
    sample_rate: int
    song_id: list[str]
    skipped: list[SkippedSong] = field(default_factory=list)
    unlabelled: Tensor = None  # type: ignore[assignment]  # default set in __post_init__
    features: Features | None = None

    def __post_init__(self) -> None:
        self.unlabelled = _all_false(self.mask) if self.unlabelled is None else self.unlabelled

    @classmethod
    def collate(cls, examples: Sequence[Example]) -> Self:
        """Stack examples of equal length. ValueError if their sample rates differ."""
        rates = {example.sample_rate for example in examples}
        if len(rates) != 1:
            raise ValueError(f"a batch has one sample rate, got {sorted(rates)}: resample first")

        def stack(name: str) -> Tensor:
            return torch.stack([torch.as_tensor(getattr(example, name)) for example in examples])

        tensors: dict[str, Any] = {n: stack(n) for n in cls.tensor_names()}
        return cls(
            **tensors,
            sample_rate=rates.pop(),
            song_id=[example.song_id for example in examples],
            skipped=[song for example in examples for song in example.skipped],
        )

    def __len__(self) -> int:
        return len(self.song_id)

    @property
    def has_audio(self) -> bool:
        """False if only features were cached: the audio then has no samples."""
        return self.rough.shape[-1] > 0

    def first(self, count: int) -> Self:
        """Return the first `count` items (losses on rendered audio use a part of the batch)."""
        return replace(
            self, **self._map(lambda tensor: tensor[:count]), song_id=self.song_id[:count]
        )

    def select(self, chosen: Tensor) -> Self:
        """Return the items where `chosen`, [B] bool, is True."""
        tensors = self._map(lambda tensor: tensor[chosen])
        chosen_ids = [i for i, keep in zip(self.song_id, chosen.tolist(), strict=True) if keep]
        return replace(self, **tensors, song_id=chosen_ids)

    def with_condition(self, condition: str) -> Self:
        """Return the same songs under "blind" or "paired", which need no other excerpt."""
        reference = {"blind": torch.zeros_like(self.finished), "paired": self.finished}[condition]
        index = torch.full_like(self.condition, CONDITIONS.index(condition))
        return replace(self, reference=reference, condition=index)

    def concatenate(self, *others: Self) -> Self:
        """Return one batch of the items of this batch and the others, in this order."""
        parts = (self, *others)
        joined: dict[str, Any] = {
            n: torch.cat([getattr(part, n) for part in parts]) for n in self.tensor_names()
        }
        names = [name for part in parts for name in part.song_id]
        skipped = list(dict.fromkeys(song for part in parts for song in part.skipped))
        return replace(self, **joined, song_id=names, skipped=skipped)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast all tensors, with the arguments of `Tensor.to`."""
        return self._map_tensors(lambda tensor: tensor.to(*args, **kwargs))

    def pin_memory(self) -> Self:
        """Pin all tensors; a `DataLoader` with `pin_memory=True` calls this method."""
        return self._map_tensors(lambda tensor: tensor.pin_memory())

    def _map_tensors(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The batch with every tensor changed."""
        features = None if self.features is None else Features(*map(change, self.features))
        return replace(self, **self._map(change), features=features)

    def _map(self, change: Callable[[Tensor], Tensor]) -> dict[str, Any]:
        """Name → changed tensor."""
        return {n: change(getattr(self, n)) for n in self.tensor_names()}

    @classmethod
    @cache
    def tensor_names(cls) -> tuple[str, ...]:
        """Names of the fields with one row per item, those of a subclass included."""
        return tuple(f.name for f in fields(cls) if f.type is Tensor)


def _all_false(mask: Tensor) -> Tensor:
    return torch.zeros_like(torch.as_tensor(mask), dtype=torch.bool)
