"""Features: a table with one row per song, cached by the content of the files."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.cli.stage import stage
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.file_digest import song_digests
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.skipped_songs import warn_skipped
from ai_mixer.metrics.features.families import check_families, compute_features
from ai_mixer.mixing.paths import check_outputs
from ai_mixer.training.builders import build_source
from ai_mixer.utils.disk_errors import reraise_disk_full

FEATURE_VERSION = 1  # increment it when the definition of a feature changes


def feature_table(
    songs: Sequence[Song],
    families: Sequence[str],
    seconds: float,
    sample_rate: int,
    index: MetadataCache,
) -> tuple[pd.DataFrame, list[SkippedSong]]:
    """Return one row per song (song, group, genre, split, features), and the damaged songs."""
    if not seconds > 0:
        raise ValueError(f"seconds must be above 0, got {seconds}")
    check_families(families)

    def compute(song: Song) -> bytes:
        start_s = max(0.0, (song.duration_s - seconds) / 2)
        try:
            length_s = min(seconds, song.duration_s)
            audio = read_excerpt(song.path, start_s, length_s, sample_rate)
        except SongError as error:
            return json.dumps({"error": error.reason}).encode()
        return json.dumps(compute_features(audio, sample_rate, families)).encode()

    prefix = f"features {FEATURE_VERSION} {' '.join(families)} {seconds:g} {sample_rate}"
    keys = [f"{prefix} {digest}" for digest in song_digests(songs)]
    texts = index.get_or_compute(dict(zip(keys, songs, strict=True)), compute, "computing features")
    rows, skipped = [], []
    for song, key in zip(songs, keys, strict=True):
        values = json.loads(texts[key])
        if "error" in values:
            skipped.append(SkippedSong(str(song.path), values["error"]))
            continue
        row = {"song": song.id, "group": song.group, "genre": song.genre, "split": song.split}
        rows.append(row | values)
    return pd.DataFrame(rows), skipped


def check_table_path(out: Path, songs: Sequence[Song], manifest: Path | None) -> None:
    """Check that the table replaces no input. ValueError or OSError (one line) if it would."""
    if out.suffix.lower() != ".csv":
        raise ValueError(f"out={out}: must end in .csv")
    check_outputs([out], [*(song.path for song in songs), *([manifest] if manifest else [])])


@stage("features")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.features [data=NAME features=NAME seconds=30]`."""
    index = MetadataCache(Path(cfg.paths.data) / "index")
    source, out = build_source(cfg), Path(cfg.out)
    songs = source.songs()
    check_table_path(out, songs, getattr(source, "manifest", None))
    table, skipped = feature_table(
        songs, cfg.features.families, cfg.seconds, cfg.sample_rate, index
    )
    warn_skipped(skipped)
    with reraise_disk_full(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(out, index=False)
    print(table.describe().T[["mean", "std", "min", "max"]].round(3).to_string())
    print(f"{len(table)} songs: {out}")


if __name__ == "__main__":
    main()
