"""Data module with cached features of examples of several tracks."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.core.track_batch import NO_ROLE, TrackBatch, TrackExample, TrackFeatures
from ai_mixer.core.types import Song, Split
from ai_mixer.data.cached_datamodule import CachedDataModule, CachedExample
from ai_mixer.data.dataset import genre_index
from ai_mixer.data.feature_cache import FeatureCache
from ai_mixer.data.track_datamodule import TrackDataModule


class CacheableTrackExtractor(Protocol):
    """A feature extractor whose features of all conditions can be stored together."""

    feature_config: tuple[Any, ...]

    def every_condition(
        self, tracks: Tensor, reference: Tensor, finished: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[N, 2, T] and 2 × [2, T] → features of the tracks [3, N, F] and of the song [3, S]."""
        ...


class CachedTrackRow(NamedTuple):
    """One example: features [3, N, F] and [3, S] in half precision, and what belongs to it.

    knobs, mask: [N, Ps] of the strips; song_knobs, song_mask: [R] of buses and master. N is the
    same for all examples of a song; absent tracks are masked and have no target.
    """

    tracks: Tensor
    song: Tensor
    knobs: Tensor
    mask: Tensor
    song_knobs: Tensor
    song_mask: Tensor
    track_mask: Tensor
    roles: Tensor
    raw_gain_db: Tensor


class CachedTrackDataModule(CachedDataModule, TrackDataModule):
    """Batches of cached features of several tracks; arguments as for both base classes.

    Training examples with an augmentation are cached in a folder of their own for each
    `augment_key` and, if there are stems of other songs in them, for each set of training songs.
    """

    row_class = CachedTrackRow

    def cache_of(self, split: Split) -> FeatureCache[Any]:
        """The cache of the examples of a split: only training songs are changed."""
        if split != "train":
            return (
                self._open_cache(self._derived("held-out")) if self.drop_probability else self.cache
            )
        if self.augment is None:
            return self.cache
        parts = [self.augment_key]
        if self.augment.needs_files:
            parts += sorted(str(self.cache.rng_stream_of(song)) for song in self.songs("train"))
        digest = hashlib.sha256(" ".join(parts).encode()).hexdigest()
        return self._open_cache(self._derived(digest[:16]))

    def _derived(self, suffix: str) -> Path:
        return self.folder.with_name(f"{self.folder.name}-{suffix}")

    def example_options(self, split: Split) -> dict[str, Any]:
        """Further arguments of the dataset whose examples are cached."""
        options = self.dataset_options(split == "train")
        return options | {"augment": self.augment if split == "train" else None}

    @property
    def make_row(self) -> Callable[[Any, Song], CachedTrackRow]:
        """Function for worker processes: an example under `reference` and its song → a row."""
        added = self.augment.added_tracks if self.augment else 0
        return partial(_row, self.feature_extractor, self.max_tracks, added)

    def _collate(self, examples: Sequence[CachedExample]) -> TrackBatch:
        count = max(len(example.row.track_mask) for example in examples)
        rows = [_pad_tracks(example.row, count) for example in examples]
        stacked = CachedTrackRow(*map(torch.stack, zip(*rows, strict=True)))
        condition = torch.tensor([example.condition for example in examples])
        chosen = torch.arange(len(examples)), condition
        no_audio = torch.zeros(len(examples), 2, 0)
        return TrackBatch(
            rough=no_audio,
            finished=no_audio,
            reference=no_audio,
            condition=condition,
            knobs=torch.cat([stacked.knobs.flatten(1), stacked.song_knobs], 1),
            mask=torch.cat([stacked.mask.flatten(1), stacked.song_mask], 1),
            genre=torch.tensor([genre_index(example.song.genre) for example in examples]),
            sample_rate=self.sample_rate,
            song_id=[example.song.id for example in examples],
            tracks=torch.zeros(len(examples), count, 2, 0),
            track_mask=stacked.track_mask,
            roles=stacked.roles,
            raw_gain_db=stacked.raw_gain_db,
            track_features=TrackFeatures(
                stacked.tracks[chosen].float(), stacked.song[chosen].float()
            ),
        )


def _row(
    extractor: CacheableTrackExtractor,
    max_tracks: int,
    added_tracks: int,
    example: TrackExample,
    song: Song,
) -> CachedTrackRow:
    added = added_tracks if song.split == "train" else 0
    tracks, whole = extractor.every_condition(example.tracks, example.reference, example.finished)
    strips = len(tracks[0]) * example.strip_knobs
    knobs, song_knobs = example.knobs[:strips], example.knobs[strips:]
    row = CachedTrackRow(
        tracks.half(),
        whole.half(),
        knobs.reshape(-1, example.strip_knobs),
        example.mask[:strips].reshape(-1, example.strip_knobs),
        song_knobs,
        example.mask[strips:],
        example.track_mask,
        example.roles,
        example.raw_gain_db,
    )
    return _pad_tracks(row, min(len(song.tracks) + added, max_tracks))


def _pad_tracks(row: CachedTrackRow, count: int) -> CachedTrackRow:
    """The row with `count` tracks; the further ones are absent."""
    more = count - len(row.track_mask)
    rows = (0, 0, 0, more)
    return row._replace(
        tracks=pad(row.tracks, rows),
        knobs=pad(row.knobs, rows),
        mask=pad(row.mask, rows),
        track_mask=pad(row.track_mask, (0, more)),
        roles=pad(row.roles, (0, more), value=NO_ROLE),
        raw_gain_db=pad(row.raw_gain_db, (0, more)),
    )
