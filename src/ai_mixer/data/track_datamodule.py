"""Data module of songs with several tracks."""

from collections.abc import Sequence
from typing import Any

from ai_mixer.core.track import MAX_TRACKS
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import Batch, Song
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.data.track_dataset import TrackDataset
from ai_mixer.data.track_songs import track_songs
from ai_mixer.data.track_takes import TakePool


class TrackDataModule(MixDataModule):
    """Batches of examples of several tracks; arguments as for `MixDataModule`.

    max_tracks, drop_probability: see `TrackDataset`; tracks are dropped in training only. augment:
    of the stems of training songs; takes are of other training songs. ValueError for an
    augmentation of whole songs, and for fewer than 2 or more than 64 tracks.
    """

    dataset_class = TrackDataset
    batch_class: type[Batch] = TrackBatch
    augment: Any  # `augment.track_augment.ComposeTracks`, or None

    def __init__(
        self,
        *arguments: Any,
        max_tracks: int = 16,
        drop_probability: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        if not getattr(self.augment, "steps", None):
            self.augment = None
        if not 2 <= max_tracks <= MAX_TRACKS:
            raise ValueError(f"loader.max_tracks must be 2 to {MAX_TRACKS}, got {max_tracks}")
        self.max_tracks, self.drop_probability = max_tracks, drop_probability

    def dataset_options(self, training: bool) -> dict[str, Any]:
        """Further arguments of the dataset."""
        probability = self.drop_probability if training else 0.0
        takes = None
        if training and self.augment is not None and self.augment.needs_files:
            takes = TakePool(self.songs("train"))
        return {"max_tracks": self.max_tracks, "drop_probability": probability, "takes": takes}

    def check_augment(self, augment: Any) -> None:
        """ValueError for an augmentation of whole songs."""
        if getattr(augment, "steps", None) and not getattr(augment, "changes_stems", False):
            refuse_whole_songs([type(step).__name__ for step in augment.steps])

    def read_songs(self) -> list[Song]:
        """Songs of the source with their tracks."""
        return track_songs(self.source)


def refuse_whole_songs(steps: Sequence[str]) -> None:
    """ValueError for steps that change whole songs, by their names; nothing if there are none."""
    if steps:
        names = ", ".join([*steps[:3], *(["…"] if len(steps) > 3 else [])])
        raise ValueError(
            f"task=remix changes stems, not whole songs ({names}): use augment=tracks or none"
        )
