"""Log the songs of a run: split, digests of their audio, and metadata."""

import hashlib

import pandas as pd

from ai_mixer.core.types import Song
from ai_mixer.data.file_digest import song_digests
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_set import SongSet
from ai_mixer.data.splits import SPLITS
from ai_mixer.inference.seen_songs import SeenSongs, load_seen_songs
from ai_mixer.tracking import Run
from ai_mixer.training.builders import TrainingComponents
from ai_mixer.utils.log import logger


def song_table(parts: TrainingComponents) -> pd.DataFrame:
    """Return every song with its group, genre, split and the digest of its audio."""
    songs = _songs_of_all_splits(parts)
    columns = {"song": "id", "group": "group", "genre": "genre", "split": "split"}
    known = {name: [getattr(song, field) for song in songs] for name, field in columns.items()}
    return pd.DataFrame({**known, "audio": song_digests(songs)})


def log_songs(name: str, songs: pd.DataFrame, parts: TrainingComponents, run: Run) -> None:
    """Log split.csv with its digest, manifest.csv, and songs that leak between splits as a tag."""
    run.log_table(songs, "split.csv")
    run.log_table(_manifest(parts), "manifest.csv")
    if parts.data.leaks:
        first, others = parts.data.leaks[0], len(parts.data.leaks) - 1
        run.set_tags({"data.leaks": first + (f" (and {others} more)" if others else "")})
    digest = hashlib.sha256(songs.to_csv(index=False).encode()).hexdigest()[:16]
    if run.resumed and run.tags.get("data.digest", digest) != digest:
        logger.warning("the songs differ from those at the start of run %s", run.id[:8])
        run.set_tags({"resumed.data.digest": digest})
        return
    run.set_tags({"data.digest": digest, "data.songs": len(songs)})
    run.log_dataset(name, digest, {split: int((songs["split"] == split).sum()) for split in SPLITS})


def seen_songs(parts: TrainingComponents, initial: SeenSongs | None = None) -> SeenSongs:
    """Return the songs of the training by split.

    initial: those of the model whose weights it starts from, which count as seen too.
    """
    cache = parts.data.metadata_cache
    own = SeenSongs(
        train=SongSet.of(parts.data.songs("train"), cache),
        val=SongSet.of(parts.data.songs("val"), cache),
        test=SongSet.of(parts.data.songs("test"), None),
    )
    return own if initial is None else own.combine(initial)._replace(test=own.test)


def log_seen_songs(seen: SeenSongs, run: Run) -> None:
    """Write the file of seen songs; a resumed run keeps those of its start."""
    before = load_seen_songs(run.artifact_dir, MetadataCache()) if run.resumed else None
    if before is not None:
        seen = before.combine(seen)
    seen.save(run.artifact_dir)


def _manifest(parts: TrainingComponents) -> pd.DataFrame:
    """Path, header and licence of each song: depends on the machine, so not part of the digest."""
    fields = ("id", "path", "duration_s", "sample_rate", "channels", "licence")
    rows = [{name: getattr(song, name) for name in fields} for song in _songs_of_all_splits(parts)]
    return pd.DataFrame(rows).rename(columns={"id": "song"})


def _songs_of_all_splits(parts: TrainingComponents) -> list[Song]:
    return [song for split in SPLITS for song in parts.data.songs(split)]
