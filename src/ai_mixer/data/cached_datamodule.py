"""Examples drawn and heard once, and kept: a training that learns from them only runs its network.

Drawing an example (reading, unmixing) and hearing it (spectra, levels) costs far more than a small
network makes of it, and is the same for every model, seed and fold. So it is done once, song by
song: `draws` examples of each, under every condition, as numbers in half precision on disk. The
audio is not kept, so nothing that listens to a mix can be trained on them.
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ai_mixer.core.types import CONDITIONS, Batch, Features, SkippedSong, Song
from ai_mixer.data.datamodule import MixDataModule, forkserver_context
from ai_mixer.data.dataset import ExampleKey, SongDataset, genre_index
from ai_mixer.data.feature_cache import CachedRow, FeatureCache
from ai_mixer.data.skipped_songs import warn_skipped
from ai_mixer.utils.progress import progress_bar


class CacheableExtractor(Protocol):
    """What a model hears before anything is learned, in two halves: kept once, recalled often."""

    feature_config: tuple[Any, ...]  # what two ears that hear the same have in common

    def extract_cacheable(
        self, rough: Tensor, reference: Tensor, finished: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[B, C, T] each → levels [B, …] and statistics [B, 3, S] under every condition."""
        ...

    def from_cache(self, levels: Tensor, statistics: Tensor, condition: Tensor) -> Features:
        """What is heard under a condition [B], of levels and statistics that were kept."""
        ...


class CachedExample(NamedTuple):
    """An example as it is kept, under one condition."""

    row: CachedRow
    condition: int
    song: Song


class CachedDataModule(MixDataModule):
    """Batches for training and validation from what was kept; the test songs are heard anew.

    ears: whose pictures and statistics are kept. folder: where. origin: names all that makes an
    example but the song and the ears; another origin is another shelf. draws: examples kept of each
    song; more later only add to them. draw_seed: their randomness; `seed` only orders them, so that
    trainings of several seeds learn from one shelf. Held-out examples are the first of their song,
    every condition in turn. ValueError for whole songs, which differ in length. Examples are kept
    as they are drawn, without augmentation.
    """

    def __init__(
        self,
        *args: Any,
        feature_extractor: CacheableExtractor,
        folder: str,
        cache_key: str,
        examples_per_song: int = 24,
        draw_seed: int = 0,
        **loader: Any,
    ) -> None:
        super().__init__(*args, **loader)
        if self.excerpt_s is None:
            raise ValueError("loader=cached keeps examples of equal length: excerpt=full has none")
        self.feature_extractor, self.examples_per_song, self.draw_seed = (
            feature_extractor,
            examples_per_song,
            draw_seed,
        )
        features = "-".join(map(str, feature_extractor.feature_config))
        self.cache = FeatureCache(Path(folder) / f"{cache_key}-{features}")

    def prepare_data(self) -> None:
        """Draw and hear what is not kept yet; Lightning calls this in one process."""
        songs = self.songs("train") + self.songs("val")
        missing = [song for song in songs if not self.cache.has(song, self.examples_per_song)]
        if not missing:
            return
        task = copy.copy(self.task)
        task.condition = "reference"  # the other two need no more than this one
        length = {"sample_rate": self.sample_rate, "excerpt_s": self.excerpt_s}
        options = {**length, "seed": self.draw_seed}
        cache = FeatureCache(
            self.cache.folder
        )  # one that goes to other processes, with no file open
        work: Any = _CacheBuilder(
            missing, cache, self.examples_per_song, self.feature_extractor, task, options
        )
        context = forkserver_context() if self.workers else None
        loader = DataLoader(
            work, batch_size=None, num_workers=self.workers, multiprocessing_context=context
        )
        said = list(
            progress_bar(
                loader, f"drawing and hearing {self.examples_per_song} examples of each song"
            )
        )
        warn_skipped([skipped for skipped in said if skipped is not None])
        self.cache = FeatureCache(self.cache.folder)  # the files that were open are others now

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled; an epoch is every example under every condition, or the first so many."""
        return self._cached_dataloader("train", len(CONDITIONS) * self.examples_per_song)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The same examples each time, in order."""
        return self._cached_dataloader("val", self.held_out_per_song)

    def _cached_dataloader(self, split: str, per_song: int) -> DataLoader[Batch]:
        songs = [song for song in self.songs(split) if self.cache.count(song)]
        dataset = CachedDataset(songs, self.cache, per_song)
        return self.dataloader_for(dataset, split == "train", self._collate, workers=0)

    def _collate(self, examples: Sequence[CachedExample]) -> Batch:
        levels, statistics, knobs, mask = (
            torch.stack(list(tensors)) for tensors in zip(*(e.row for e in examples), strict=True)
        )
        condition = torch.tensor([example.condition for example in examples])
        nothing = torch.zeros(len(examples), 2, 0)
        return Batch(
            rough=nothing,
            finished=nothing,
            reference=nothing,
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
    """`per_song` kept examples of every song, every condition in turn."""

    def __init__(self, songs: Sequence[Song], cache: FeatureCache, per_song: int) -> None:
        self.songs, self.cache, self.per_song = songs, cache, per_song

    def __len__(self) -> int:
        return len(self.songs) * self.per_song

    @property
    def genres(self) -> list[str]:
        """The genre of every index; "" where it is unknown."""
        return [song.genre or "" for song in self.songs for _ in range(self.per_song)]

    def __getitem__(self, key: ExampleKey) -> CachedExample:
        place, number = divmod(key[1] % len(self), self.per_song)
        draw, condition = divmod(number, len(CONDITIONS))
        song = self.songs[place]
        return CachedExample(self.cache.row(song, draw), condition, song)


class _CacheBuilder(Dataset[SkippedSong | None]):
    """The work of keeping: item n draws, hears and keeps song n, and says if it cannot be used."""

    def __init__(
        self,
        songs: Sequence[Song],
        cache: FeatureCache,
        examples_per_song: int,
        feature_extractor: CacheableExtractor,
        task: Any,
        options: dict[str, Any],
    ) -> None:
        self.songs, self.cache, self.examples_per_song = songs, cache, examples_per_song
        self.feature_extractor, self.task, self.options = feature_extractor, task, options

    def __len__(self) -> int:
        return len(self.songs)

    @torch.inference_mode()
    def __getitem__(self, place: int) -> SkippedSong | None:
        song = self.songs[place]
        dataset = SongDataset([song], self.task, rng_stream=self.cache.number(song), **self.options)
        try:
            rows = [
                self._row(dataset, draw)
                for draw in range(self.cache.count(song), self.examples_per_song)
            ]
        except ValueError as error:  # silent or damaged: no other song in its place
            self.cache.append(song, [])
            return SkippedSong(str(song.path), str(error))
        self.cache.append(song, rows)
        return None

    def _row(self, dataset: SongDataset, draw: int) -> CachedRow:
        example = dataset[draw, 0]
        sounds = (example.rough, example.reference, example.finished)
        levels, statistics = self.feature_extractor.extract_cacheable(
            *(sound[None] for sound in sounds)
        )
        return CachedRow(levels[0].half(), statistics[0].half(), example.knobs, example.mask)
