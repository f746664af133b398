"""Songs as batches: the train, validation and test loaders."""

import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from ai_mixer.core.types import Batch, SkippedSong, Song
from ai_mixer.data.dataset import SongDataset, Task
from ai_mixer.data.excerpt_sampler import Augment, excerpt_seconds
from ai_mixer.data.key_sampler import KeySampler
from ai_mixer.data.skipped_songs import warn_listed, warn_skipped
from ai_mixer.data.splits import SPLITS

BALANCES = ("song", "genre")
LOW_RATE_HZ = 22050  # below this rate nothing is left of what high_eq and presence change


class SongSource(Protocol):
    """Where songs come from: the embedded band, a folder …

    `skipped`, if it has one, says after `songs()` what was left out, and `leaks` what is on two
    sides of the split although it should not be.
    """

    def songs(self) -> list[Song]:
        """All songs, each with its split."""
        ...


class MixDataModule(pl.LightningDataModule):
    """Batches of examples made by `task` from the songs of `source`.

    Only training is augmented and drawn anew each epoch, at most `examples_per_epoch` of it.
    Validation and test are always the same examples, `held_out_per_song` of each song, every
    condition in turn. workers = 0 reads in the main process.
    excerpt_s: seconds, or "full" for whole songs, one a batch. balance: "genre" draws as many
    examples of every genre for training, "song" as many of every song.
    """

    def __init__(
        self,
        source: SongSource,
        task: Task,
        augment: Augment | None = None,
        *,
        sample_rate: int = 44100,
        excerpt_s: float | str = 5.0,
        excerpts_per_song: int = 16,
        examples_per_epoch: int | None = None,
        held_out_per_song: int = 6,
        balance: str = "song",
        batch_size: int = 16,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if balance not in BALANCES:
            raise ValueError(f"balance {balance!r} is none of {', '.join(BALANCES)}")
        self.balance = balance
        self.source, self.task, self.augment = source, task, augment
        self.sample_rate, self.excerpt_s = sample_rate, excerpt_seconds(excerpt_s)
        if self.excerpt_s is None:
            batch_size = 1  # songs differ in length
        self.excerpts_per_song = excerpts_per_song
        self.examples_per_epoch = examples_per_epoch
        self.held_out_per_song = held_out_per_song
        self.batch_size, self.workers, self.seed = batch_size, workers, seed
        self.skipped: list[
            SkippedSong
        ] = []  # songs left out from the start, once `songs` was asked
        self.leaks: list[str] = []  # the same: songs, groups or recordings on two sides
        self._songs: list[Song] | None = None

    def songs(self, split: str) -> list[Song]:
        """The songs of one split. ValueError if there is none."""
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is none of {', '.join(SPLITS)}")
        if self._songs is None:
            self._songs = self.source.songs()
            self.skipped = list(getattr(self.source, "skipped", ()))
            self.leaks = list(getattr(self.source, "leaks", ()))
            self._warn(self._songs)
        chosen = [song for song in self._songs if song.split == split]
        if not chosen:
            found = dict(Counter(song.split for song in self._songs))
            raise ValueError(
                f"no songs in {split} (songs per split: {found}): add songs or artists"
            )
        return chosen

    def _warn(self, songs: list[Song]) -> None:
        """What is left out, and songs that are used although something is odd about them."""
        warn_skipped(self.skipped)
        if self.leaks:
            warn_listed("on two sides of the split", "leaks between the sides", self.leaks)
        short = [song.id for song in songs if song.duration_s < (self.excerpt_s or 0)]
        if short:
            fate = f"shorter than an excerpt of {self.excerpt_s:g} s and filled up with silence"
            warn_listed(f"a song is {fate}", f"songs are {fate}", short)
        dull = [s for s in songs if s.sample_rate < min(LOW_RATE_HZ, self.sample_rate)]
        if dull:
            fate = "sampled so low that high_eq and presence can hardly be heard"
            names = [f"{song.id} ({song.sample_rate} Hz)" for song in dull]
            warn_listed(f"a song is {fate}", f"songs are {fate}", names)

    def dataset(self, split: str) -> SongDataset:
        """The examples of one split."""
        training = split == "train"
        per_song = self.excerpts_per_song if training else self.held_out_per_song
        return SongDataset(
            self.songs(split),
            self.task,
            self.augment if training else None,
            sample_rate=self.sample_rate,
            excerpt_s=self.excerpt_s,
            excerpts_per_song=per_song,
            seed=self.seed,
            rng_stream=SPLITS.index(split),
            cycle_conditions=not training,
        )

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled, drawn anew each epoch."""
        return self._loader("train")

    def val_dataloader(self) -> DataLoader[Batch]:
        """The same examples each time, in order."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """The same examples each time, in order."""
        return self._loader("test")

    def _loader(self, split: str) -> DataLoader[Batch]:
        return self.dataloader_for(
            self.dataset(split), split == "train", Batch.collate, self.workers
        )

    def dataloader_for(
        self, dataset: Any, training: bool, collate: Callable[[Any], Batch], workers: int
    ) -> DataLoader[Batch]:
        """Batches of a dataset that has a length, takes keys and knows its `genres`."""
        limit = self.examples_per_epoch if training else None
        options: dict[str, Any] = {}
        if workers:
            options = {"multiprocessing_context": forkserver_context(), "persistent_workers": True}
        return _LazyLoader(
            dataset,
            batch_size=self.batch_size,
            sampler=KeySampler(
                dataset,
                training=training,
                seed=self.seed,
                limit=limit,
                strata=dataset.genres if training and self.balance == "genre" else None,
            ),
            collate_fn=collate,
            num_workers=workers,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # its draws are none of the model's, and change nothing
            **options,
        )


class _LazyLoader(DataLoader[Batch]):
    """Asks its sampler when the first batch is wanted, not when the iterator is made.

    Lightning makes it before it has read from the checkpoint which epoch is to come, and workers
    would fetch the first batches of another one.
    """

    def __iter__(self) -> Any:
        yield from super().__iter__()


def forkserver_context() -> Any:
    """Workers forked from a clean server that has imported, once, what this process has.

    A plain fork copies a process full of threads (OpenMP, MLflow) and may hang; a spawn would
    import everything again in each worker.
    """
    package = __name__.partition(".")[0]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [name for name in sys.modules if name.partition(".")[0] == package]
    )
    return context
