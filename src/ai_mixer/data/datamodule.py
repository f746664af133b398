"""Data module: train, validation and test data loaders of a collection of songs."""

import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Literal, Protocol

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from ai_mixer.core.types import Batch, SkippedSong, Song, Split
from ai_mixer.data.dataset import SongDataset, Task
from ai_mixer.data.deferred_batch import DeferredBatch
from ai_mixer.data.excerpt_sampler import Augment, excerpt_seconds
from ai_mixer.data.key_sampler import KeySampler
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.skipped_songs import warn_listed, warn_skipped
from ai_mixer.data.splits import SPLITS

BALANCES = ("song", "genre")
LOW_RATE_HZ = 22050  # a lower rate does not contain the bands of high_eq and presence
WORKER_PACKAGES = ("audio", "augment", "console", "core", "data", "dsp", "effects", "tasks")


class SongSource(Protocol):
    """A source of songs, such as a folder or the embedded band.

    Optional attributes: `index`, a `MetadataCache`; and set by `songs()`: `skipped`, the songs that
    are left out; `leaks`, songs, groups or recordings that are in two splits.
    """

    def songs(self) -> list[Song]:
        """All songs with their splits."""
        ...


class MixDataModule(pl.LightningDataModule):
    """Batches of examples that `task` makes from the songs of `source`.

    Training examples are augmented and different in every epoch, at most `examples_per_epoch`.
    Validation and test examples are always the same, `held_out_per_song` of each song with the
    conditions in turn.

    excerpt_s: seconds, or "full" for whole songs with a batch size of 1. balance: "genre" draws
    equally many training examples of every genre, "song" of every song. workers: number of worker
    processes; 0 reads in the main process. Raises ValueError for another balance or excerpt_s.
    """

    dataset_class: type[SongDataset] = SongDataset
    batch_class: type[Batch] = Batch

    def __init__(
        self,
        source: SongSource,
        task: Task,
        augment: Augment | None = None,
        *,
        sample_rate: int = 44100,
        excerpt_s: float | Literal["full"] = 5.0,
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
            raise ValueError(f"balance must be one of {', '.join(BALANCES)}, got {balance!r}")
        self.check_augment(augment)
        self.balance = balance
        self.source, self.task, self.augment = source, task, augment
        self.sample_rate, self.excerpt_s = sample_rate, excerpt_seconds(excerpt_s)
        if self.excerpt_s is None:
            batch_size = 1  # songs differ in length
        self.excerpts_per_song = excerpts_per_song
        self.examples_per_epoch = examples_per_epoch
        self.held_out_per_song = held_out_per_song
        self.batch_size, self.workers, self.seed = batch_size, workers, seed
        # Both are set when the songs are read.
        self.skipped: list[SkippedSong] = []
        self.leaks: list[str] = []
        self._songs: list[Song] | None = None

    def check_augment(self, augment: Any) -> None:
        """ValueError for an augmentation of stems."""
        if getattr(augment, "changes_stems", False):
            raise ValueError(
                "augment=tracks changes the stems of task=remix: for one stereo file use "
                "augment=gentle, strong or none"
            )

    @property
    def feature_config(self) -> tuple[Any, ...] | None:
        """Configuration of the features that replace audio in its batches; None: with audio."""
        return None

    def songs(self, split: Split) -> list[Song]:
        """Songs of one split. ValueError if there are none, or for another split."""
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is none of {', '.join(SPLITS)}")
        songs = self._all_songs()
        selected = [song for song in songs if song.split == split]
        if not selected:
            counts = dict(Counter(song.split for song in songs))
            raise ValueError(
                f"no songs in {split} (songs per split: {counts}): add songs or artists"
            )
        return selected

    @property
    def metadata_cache(self) -> MetadataCache:
        """Cache of the source's fingerprints; nothing is cached if the source has none."""
        return getattr(self.source, "index", None) or MetadataCache()

    def leave_out(self, songs: Collection[str]) -> None:
        """Remove songs, by their ids, from all splits."""
        self._songs = [song for song in self._all_songs() if song.id not in songs]

    def _all_songs(self) -> list[Song]:
        """Songs of all splits, from the source at the first call."""
        if self._songs is None:
            self._songs = self.read_songs()
            self.skipped = list(getattr(self.source, "skipped", ()))
            self.leaks = list(getattr(self.source, "leaks", ()))
            self._warn(self._songs)
        return self._songs

    def read_songs(self) -> list[Song]:
        """All songs of the source."""
        return self.source.songs()

    def _warn(self, songs: list[Song]) -> None:
        """Warn of skipped songs, leaks, short songs and songs of a low sample rate."""
        warn_skipped(self.skipped)
        if self.leaks:
            warn_listed("leak between splits", "leaks between splits", self.leaks)
        short = [song.id for song in songs if song.duration_s < (self.excerpt_s or 0)]
        if short:
            what = f"shorter than an excerpt of {self.excerpt_s:g} s and padded with silence"
            warn_listed(f"a song is {what}", f"songs are {what}", short)
        low = [s for s in songs if s.sample_rate < min(LOW_RATE_HZ, self.sample_rate)]
        if low:
            what = "sampled so low that high_eq and presence have little effect"
            names = [f"{song.id} ({song.sample_rate} Hz)" for song in low]
            warn_listed(f"a song is {what}", f"songs are {what}", names)

    def dataset(self, split: Split) -> SongDataset:
        """Examples of one split."""
        training = split == "train"
        per_song = self.excerpts_per_song if training else self.held_out_per_song
        return self.dataset_class(
            self.songs(split),
            self.task,
            self.augment if training else None,
            sample_rate=self.sample_rate,
            excerpt_s=self.excerpt_s,
            excerpts_per_song=per_song,
            seed=self.seed,
            rng_stream=SPLITS.index(split),
            cycle_conditions=not training,
            defer=training and self._device != "cpu",
            **self.dataset_options(training),
        )

    def dataset_options(self, training: bool) -> dict[str, Any]:
        """Further arguments of the dataset."""
        return {}

    @property
    def _device(self) -> str:
        """Where the task makes training examples: "cpu" is the loader."""
        return getattr(self.task, "device", "cpu")

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Make the examples of a batch that was collected for the task on its device.

        ValueError if the batch is on another device.
        """
        if not isinstance(batch, DeferredBatch):
            return batch
        if batch.device.type != self._device:
            raise ValueError(
                f"task.device={self._device} makes examples where the model is trained, and that "
                f"is on {batch.device.type}: add trainer=gpu, or leave task.device=cpu"
            )
        return batch.make(self.task.make)  # type: ignore[attr-defined]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled; different examples in every epoch."""
        return self._loader("train")

    def val_dataloader(self) -> DataLoader[Batch]:
        """The same examples in the same order every epoch."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """The same examples in the same order every time."""
        return self._loader("test")

    def _loader(self, split: Split) -> DataLoader[Batch]:
        training = split == "train"
        deferred = training and self._device != "cpu"
        collate: Callable[..., Any] = DeferredBatch if deferred else self.batch_class.collate
        return self.dataloader_for(self.dataset(split), training, collate, self.workers)

    def dataloader_for(
        self, dataset: Any, training: bool, collate: Callable[[Any], Batch], workers: int
    ) -> DataLoader[Batch]:
        """Data loader of a map-style dataset with keys (epoch, index) and an attribute `genres`."""
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
            generator=torch.Generator(),  # does not advance torch's global generator
            **options,
        )


class _LazyLoader(DataLoader[Batch]):
    """Starts its sampler with the first batch, not when the iterator is created.

    Lightning creates the iterator before it restores the epoch from a checkpoint, and workers would
    prefetch batches of the wrong epoch.
    """

    def __iter__(self) -> Any:
        yield from super().__iter__()


def forkserver_context(*modules: str) -> Any:
    """Multiprocessing context whose workers are forked from a server that has imported the package.

    A fork of this process may hang because of its threads (OpenMP, MLflow); with "spawn" every
    worker would import everything again. modules: what workers need besides; without them the
    server does not import Lightning, which takes longer than all the rest.
    """
    context = multiprocessing.get_context("forkserver")
    known = [name for name in sys.modules if _is_for_workers(name)]
    context.set_forkserver_preload([*known, *modules])
    return context


def _is_for_workers(module: str) -> bool:
    package, _, rest = module.partition(".")
    is_used = package == __name__.partition(".")[0] and rest.partition(".")[0] in WORKER_PACKAGES
    return is_used and not module.endswith("datamodule")
