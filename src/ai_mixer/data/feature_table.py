"""Table of audio features with one row per song, cached by the content of the files."""

import json
from collections.abc import Sequence

import pandas as pd

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.file_digest import song_digests
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.metrics.features.families import check_families, compute_features

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
