"""The embedded band: synthetic songs with stems in six genres, generated from a seed.

Reading order: `genres.py` (tables of the genres), `composer.py` (one score), `synth.py` (notes to
audio), `conventions.py` and `mixdown.py` (the mix), `generate.py` (many songs).
"""

from pathlib import Path

from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.band.generate import generate_band
from ai_mixer.data.manifest import read_manifest
from ai_mixer.data.metadata_cache import MetadataCache

__all__ = ["Band", "generate_band"]


class Band:
    """Songs of the embedded band, generated below `root` by the first call of `songs`.

    Arguments as in `generate_band`. fold (0–4, or 0/5–4/5): use that fold for the test and the next
    one for validation, instead of the splits of the manifest. index: folder of the cache of
    fingerprints.
    """

    def __init__(
        self,
        root: str | Path | None,
        songs: int = 60,
        duration_s: float = 30.0,
        seed: int = 0,
        workers: int | None = None,
        fold: int | str | None = None,
        index: str | Path | None = None,
    ) -> None:
        if root is None:  # removed from the config of a packaged model
            raise ValueError("data.source.root is not set: give data=band")
        self.root, self.count, self.duration_s, self.seed = Path(root), songs, duration_s, seed
        self.workers, self.fold = workers, fold
        self.index = MetadataCache(index)
        self.skipped: list[SkippedSong] = []

    def songs(self) -> list[Song]:
        """All songs, with the genres in turn."""
        manifest = generate_band(
            self.root, self.count, self.duration_s, self.seed, workers=self.workers
        )
        songs, self.skipped = read_manifest(manifest, fold=self.fold)
        return songs
