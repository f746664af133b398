"""A folder of before and after to judge a model on: nothing else counts, all of it is test."""

from dataclasses import replace
from pathlib import Path

from ai_mixer.core.types import Song
from ai_mixer.data.folder import Folder
from ai_mixer.data.song_collector import SongCollector

DEFAULT_SPLIT = "test"


class PairedFolder(Folder):
    """The pairs below `root`; a song without a rough version is passed over.

    manifest, index: as in `Folder`. A split that a manifest gives is kept.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        manifest: str | Path | None = None,
        index: str | Path | None = None,
    ) -> None:
        super().__init__(root, manifest, index=index)

    def collector(self) -> SongCollector:
        """Every place on the side where it belongs."""
        collector = super().collector()
        recordings = [
            place._replace(split=place.split or DEFAULT_SPLIT) for place in collector.recordings
        ]
        return replace(collector, recordings=recordings)

    def songs(self) -> list[Song]:
        """All pairs. ValueError if there is none."""
        pairs = [song for song in super().songs() if song.rough_path is not None]
        if not pairs:
            why = f" ({self.skipped[0]})" if self.skipped else ""
            raise ValueError(
                f"{self.folder}: no pair{why}: put before.wav and after.wav into pairs/<song>/"
            )
        return pairs
