"""Data module with cached features: training then runs the network only.

Making an example (reading, inverting the console) and extracting its features take much longer than
a small network, and are the same for every model, seed and fold. So they are done once per song:
features of `examples_per_song` examples under every condition are stored in half precision. Audio
is not stored, so losses that need a mix cannot be used with it.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ai_mixer.core.types import CONDITIONS, Batch, Example, Features, SkippedSong, Song, Split
from ai_mixer.data.datamodule import MixDataModule, forkserver_context
from ai_mixer.data.dataset import ExampleKey, SongDataset, genre_index
from ai_mixer.data.feature_cache import CachedRow, FeatureCache
from ai_mixer.data.skipped_songs import warn_skipped
from ai_mixer.utils.progress import progress_bar

CACHED_SPLITS: tuple[Split, ...] = ("train", "val")


class CacheableExtractor(Protocol):
    """A feature extractor whose features of all conditions can be stored together."""

    feature_config: tuple[Any, ...]  # equal for extractors with equal features

    def extract_cacheable(
        self, rough: Tensor, reference: Tensor, finished: Tensor
    ) -> tuple[Tensor, Tensor]:
        """3 × [B, C, T] → levels [B, …] and statistics [B, 3, S] under every condition."""
        ...

    def from_cache(self, levels: Tensor, statistics: Tensor, condition: Tensor) -> Features:
        """Features under a condition [B], from the output of `extract_cacheable`."""
        ...


class CachedExample(NamedTuple):
    """A cached example under one condition."""

    row: Any
    condition: int
    song: Song


class CachedDataModule(MixDataModule):
    """Batches of cached features for training and validation; test batches as in the base class.

    feature_extractor: its features are cached in a subfolder of `folder`, one per `cache_key` and
    feature configuration. cache_key: depends on everything else that determines an example of a
    song. augment_key: of the augmentation of training examples, "" without one; here examples are
    not augmented. examples_per_song: number of cached examples; a larger number later adds to them.
    draw_seed: seed of the examples; `seed` only determines their order, so that trainings with
    different seeds share a cache. Validation uses the first examples of each song, with the
    conditions in turn. Raises ValueError for whole songs, which differ
    in length.
    """

    row_class: type[Any] = CachedRow

    def __init__(
        self,
        *args: Any,
        feature_extractor: Any,
        folder: str,
        cache_key: str,
        augment_key: str = "",
        examples_per_song: int = 24,
        draw_seed: int = 0,
        **loader: Any,
    ) -> None:
        super().__init__(*args, **loader)
        if self.excerpt_s is None:
            raise ValueError("loader=cached needs a fixed length, got excerpt=full: give seconds")
        self.feature_extractor = feature_extractor
        self.examples_per_song, self.draw_seed = examples_per_song, draw_seed
        self.augment_key = augment_key
        features = "-".join(map(str, feature_extractor.feature_config))
        self.folder = Path(folder) / f"{cache_key}-{features}"
        self._caches: dict[Path, FeatureCache[Any]] = {}

    @property
    def feature_config(self) -> tuple[Any, ...]:
        """Configuration of the cached features."""
        configuration: tuple[Any, ...] = self.feature_extractor.feature_config
        return configuration

    @property
    def cache(self) -> FeatureCache[Any]:
        """The cache of examples without augmentation."""
        return self._open_cache(self.folder)

    def cache_of(self, split: Split) -> FeatureCache[Any]:
        """The cache of the examples of a split."""
        return self.cache

    def _open_cache(self, folder: Path) -> FeatureCache[Any]:
        return self._caches.setdefault(folder, FeatureCache(folder, self.row_class))

    def example_options(self, split: Split) -> dict[str, Any]:
        """Further arguments of the dataset whose examples are cached."""
        return self.dataset_options(split == "train")

    @property
    def make_row(self) -> Callable[[Any, Song], Any]:
        """Function for worker processes: an example under `reference` and its song → a row."""
        return partial(_row, self.feature_extractor)

    def prepare_data(self) -> None:
        """Extract the features that are not cached yet; Lightning calls this in one process."""
        songs = [(song, self.examples_per_song) for song in self.songs("train")]
        songs += [(song, self._rows_held_out) for song in self.songs("val")]
        caches: dict[str, FeatureCache[Any]] = {s: self.cache_of(s) for s in CACHED_SPLITS}
        missing = [(s, rows) for s, rows in songs if not caches[s.split].has(s, rows)]
        if not missing:
            return
        task = copy.copy(self.task)
        task.condition = "reference"  # its examples contain the inputs of all conditions
        dataset = partial(
            self.dataset_class,
            task=task,
            sample_rate=self.sample_rate,
            excerpt_s=self.excerpt_s,
            seed=self.draw_seed,
        )
        # Caches without open files, for worker processes.
        caches = {split: FeatureCache(c.folder, self.row_class) for split, c in caches.items()}
        options: dict[str, Any] = {s: self.example_options(s) for s in CACHED_SPLITS}
        builder: Any = _CacheBuilder(missing, caches, dataset, options, self.make_row)
        context = forkserver_context(__name__) if self.workers else None
        loader = DataLoader(
            builder, batch_size=None, num_workers=self.workers, multiprocessing_context=context
        )
        title = f"caching features of {self.examples_per_song} examples per song"
        results = list(progress_bar(loader, title))
        warn_skipped([skipped for skipped in results if skipped is not None])
        self._caches.clear()  # the open files were replaced

    @property
    def _rows_held_out(self) -> int:
        """Cached examples of a validation song; each is used under every condition."""
        return min(self.examples_per_song, -(-self.held_out_per_song // len(CONDITIONS)))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled; an epoch has every example under every condition, or `examples_per_epoch`."""
        return self._cached_dataloader("train", len(CONDITIONS) * self.examples_per_song)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The same examples in the same order every epoch."""
        cached = len(CONDITIONS) * self._rows_held_out
        return self._cached_dataloader("val", min(self.held_out_per_song, cached))

    def _cached_dataloader(self, split: Split, per_song: int) -> DataLoader[Batch]:
        cache = self.cache_of(split)
        songs = [song for song in self.songs(split) if cache.count(song)]
        dataset = CachedDataset(songs, cache, per_song)
        return self.dataloader_for(dataset, split == "train", self._collate, workers=0)

    def _collate(self, examples: Sequence[CachedExample]) -> Batch:
        levels, statistics, knobs, mask = (
            torch.stack(list(tensors)) for tensors in zip(*(e.row for e in examples), strict=True)
        )
        condition = torch.tensor([example.condition for example in examples])
        no_audio = torch.zeros(len(examples), 2, 0)
        return Batch(
            rough=no_audio,
            finished=no_audio,
            reference=no_audio,
            condition=condition,
            knobs=knobs,
            mask=mask,
            genre=torch.tensor([genre_index(example.song.genre) for example in examples]),
            sample_rate=self.sample_rate,
            song_id=[example.song.id for example in examples],
            features=self.feature_extractor.from_cache(
                levels.float(), statistics.float(), condition
            ),
        )


class CachedDataset(Dataset[CachedExample]):
    """`per_song` cached examples of every song, with the conditions in turn."""

    def __init__(self, songs: Sequence[Song], cache: FeatureCache[Any], per_song: int) -> None:
        self.songs, self.cache, self.per_song = songs, cache, per_song

    def __len__(self) -> int:
        return len(self.songs) * self.per_song

    @property
    def genres(self) -> list[str]:
        """Genre of every index; "" if unknown."""
        return [song.genre or "" for song in self.songs for _ in range(self.per_song)]

    def __getitem__(self, key: ExampleKey) -> CachedExample:
        song_index, number = divmod(key[1] % len(self), self.per_song)
        row, condition = divmod(number, len(CONDITIONS))
        song = self.songs[song_index]
        return CachedExample(self.cache.row(song, row), condition, song)


class _CacheBuilder(Dataset[SkippedSong | None]):
    """Item n caches the features of song n, and is a SkippedSong if the song cannot be used.

    songs: each with the number of examples that are wanted of it. caches, options (of the dataset):
    by split.
    """

    def __init__(
        self,
        songs: Sequence[tuple[Song, int]],
        caches: Mapping[str, FeatureCache[Any]],
        dataset: Callable[..., SongDataset],
        options: Mapping[str, Mapping[str, Any]],
        make_row: Callable[[Any, Song], Any],
    ) -> None:
        self.songs, self.caches = songs, caches
        self.dataset, self.options, self.make_row = dataset, options, make_row

    def __len__(self) -> int:
        return len(self.songs)

    @torch.inference_mode()
    def __getitem__(self, index: int) -> SkippedSong | None:
        song, count = self.songs[index]
        cache, options = self.caches[song.split], self.options[song.split]
        dataset = self.dataset([song], rng_stream=cache.rng_stream_of(song), **options)
        try:
            rows = [self.make_row(dataset[row, 0], song) for row in range(cache.count(song), count)]
        except ValueError as error:  # silent or damaged; a dataset of one song has no replacement
            cache.append(song, [])
            return SkippedSong(str(song.path), str(error))
        cache.append(song, rows)
        return None


def _row(extractor: CacheableExtractor, example: Example, song: Song) -> CachedRow:
    levels, statistics = extractor.extract_cacheable(
        example.rough[None], example.reference[None], example.finished[None]
    )
    return CachedRow(levels[0].half(), statistics[0].half(), example.knobs, example.mask)
