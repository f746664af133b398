"""Data module of songs with several tracks."""

from typing import Any

from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import Batch, Song
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.data.track_dataset import TrackDataset
from ai_mixer.data.track_songs import track_songs


class TrackDataModule(MixDataModule):
    """Batches of examples of several tracks; arguments as for `MixDataModule`.

    max_tracks, drop_probability: see `TrackDataset`; tracks are dropped in training only.
    ValueError for an augmentation of whole songs, and for fewer than 2 or more than 64 tracks.
    """

    dataset_class = TrackDataset
    batch_class: type[Batch] = TrackBatch

    def __init__(
        self,
        *arguments: Any,
        max_tracks: int = 16,
        drop_probability: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        if getattr(self.augment, "steps", None):
            raise ValueError("task=remix has no augmentation of whole songs: leave augment=none")
        if not 2 <= max_tracks <= 64:
            raise ValueError(f"loader.max_tracks must be 2 to 64, got {max_tracks}")
        self.max_tracks, self.drop_probability = max_tracks, drop_probability

    def dataset_options(self, training: bool) -> dict[str, Any]:
        """Further arguments of the dataset."""
        probability = self.drop_probability if training else 0.0
        return {"max_tracks": self.max_tracks, "drop_probability": probability}

    def read_songs(self) -> list[Song]:
        """Songs of the source with their tracks."""
        return track_songs(self.source)
