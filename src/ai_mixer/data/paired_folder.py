"""A folder of pairs of rough and finished versions, all in the test split."""

from dataclasses import replace
from pathlib import Path

from ai_mixer.core.types import Song
from ai_mixer.data.folder import Folder
from ai_mixer.data.song_collector import SongCollector

DEFAULT_SPLIT = "test"


class PairedFolder(Folder):
    """The pairs below `root`; songs without a rough version are ignored.

    manifest, index: as in `Folder`. Splits of the manifest take precedence.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        manifest: str | Path | None = None,
        index: str | Path | None = None,
    ) -> None:
        super().__init__(root, manifest, index=index)

    def collector(self) -> SongCollector:
        """All songs that were found; recordings without a split get "test"."""
        collector = super().collector()
        recordings = [
            recording._replace(split=recording.split or DEFAULT_SPLIT)
            for recording in collector.recordings
        ]
        return replace(collector, recordings=recordings)

    def songs(self) -> list[Song]:
        """All pairs. ValueError if there are none."""
        pairs = [song for song in super().songs() if song.rough_path is not None]
        if not pairs:
            reason = f" ({self.skipped[0]})" if self.skipped else ""
            raise ValueError(
                f"{self.folder}: no pair{reason}: put before.wav and after.wav into pairs/<song>/"
            )
        return pairs
