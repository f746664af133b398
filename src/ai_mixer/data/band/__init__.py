"""The embedded band: songs in six genres with stems, composed, played and mixed from a seed.

Reading order: `genres.py` (what is played), `composer.py` (who writes it), `synth.py` (how it
sounds), `conventions.py` and `engineer.py` (how it is mixed), `compose.py` (many songs).
"""

from pathlib import Path

from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.band.generate import generate_band
from ai_mixer.data.manifest import read_manifest

__all__ = ["Band", "generate_band"]


class Band:
    """Songs by the embedded band, composed below `root` when first asked for.

    Arguments as in `generate_band`; `fold` (0–4, or 0/5–4/5) makes that fold the test and the
    next one validation, instead of the split of the manifest.
    """

    def __init__(
        self,
        root: str | Path,
        songs: int = 60,
        duration_s: float = 30.0,
        seed: int = 0,
        workers: int | None = None,
        fold: int | str | None = None,
    ) -> None:
        self.root, self.count, self.duration_s, self.seed = Path(root), songs, duration_s, seed
        self.workers, self.fold = workers, fold
        self.skipped: list[SkippedSong] = []

    def songs(self) -> list[Song]:
        """All songs, genres taking turns."""
        manifest = generate_band(
            self.root, self.count, self.duration_s, self.seed, workers=self.workers
        )
        songs, self.skipped = read_manifest(manifest, fold=self.fold)
        return songs
