"""A table of features: a row a song of a collection, computed once for each file's content."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig

from ai_mixer.audio.excerpt import SongError, read_excerpt
from ai_mixer.cli.stage import stage
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.file_digest import song_digests
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.skipped_songs import warn_skipped
from ai_mixer.metrics.features.families import check_families, compute_features
from ai_mixer.training.builders import build_source
from ai_mixer.utils.disk_errors import reraise_disk_full

FEATURE_VERSION = 1  # counted up when a figure comes to mean something else


def feature_table(
    songs: Sequence[Song],
    families: Sequence[str],
    seconds: float,
    sample_rate: int,
    index: MetadataCache,
) -> tuple[pd.DataFrame, list[SkippedSong]]:
    """A row per song: song, group, genre, split, then its features; and songs that are damaged."""
    if not seconds > 0:
        raise ValueError(f"seconds must be above 0, got {seconds}")
    check_families(families)

    def ask(song: Song) -> bytes:
        start_s = max(0.0, (song.duration_s - seconds) / 2)
        try:
            length_s = min(seconds, song.duration_s)
            audio = read_excerpt(song.path, start_s, length_s, sample_rate)
        except SongError as error:
            return json.dumps({"error": error.reason}).encode()
        return json.dumps(compute_features(audio, sample_rate, families)).encode()

    asked = f"features {FEATURE_VERSION} {' '.join(families)} {seconds:g} {sample_rate}"
    keys = [f"{asked} {digest}" for digest in song_digests(songs)]
    get_or_compute = index.get_or_compute(
        dict(zip(keys, songs, strict=True)), ask, "describing songs"
    )
    rows, skipped = [], []
    for song, key in zip(songs, keys, strict=True):
        found = json.loads(get_or_compute[key])
        if "error" in found:
            skipped.append(SkippedSong(str(song.path), found["error"]))
            continue
        known = {"song": song.id, "group": song.group, "genre": song.genre, "split": song.split}
        rows.append(known | found)
    return pd.DataFrame(rows), skipped


@stage("features")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.features [data=NAME features=PAGE seconds=30]`."""
    index = MetadataCache(Path(cfg.paths.data) / "index")
    songs = build_source(cfg).songs()
    numbers, skipped = feature_table(
        songs, cfg.features.families, cfg.seconds, cfg.sample_rate, index
    )
    warn_skipped(skipped)
    out = Path(cfg.out)
    with reraise_disk_full(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        numbers.to_csv(out, index=False)
    print(numbers.describe().T[["mean", "std", "min", "max"]].round(3).to_string())
    print(f"{len(numbers)} songs: {out}")


if __name__ == "__main__":
    main()
