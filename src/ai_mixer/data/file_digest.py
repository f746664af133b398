"""Digest of a song's files that reads only a few blocks of each."""

import hashlib
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path

from ai_mixer.audio.stream_path import container_path
from ai_mixer.core.types import Song

BLOCK_BYTES = 4096
READER_THREADS = 8  # more than cores: they mostly wait for the disk


def song_digests(songs: Sequence[Song]) -> list[str]:
    """`song_digest` of each song, in parallel."""
    with ThreadPool(READER_THREADS) as pool:
        return list(pool.imap(song_digest, songs, chunksize=64))


def song_digest(song: Song) -> str:
    """Digest (16 hexadecimal digits) of a song's files: finished version, dry version and stems.

    Depends on the size and three blocks (start, middle, end; 12 KiB) of each file, so a million
    songs take minutes instead of days. It changes with the recording, its length, level or
    encoding, and with every sample of a FLAC file, whose header contains a digest of the audio. It
    does not change with the path, nor with a change of an uncompressed file outside these blocks.
    Raises OSError if a file cannot be read.
    """
    files = {"finished": song.path, "dry": song.dry_path, **song.stems}
    parts = [_digest_blocks(name, path) for name, path in sorted(files.items()) if path is not None]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def digest_file(path: Path) -> str:
    """Digest (16 hexadecimal digits) of one file, from the same blocks as `song_digest`."""
    return _digest_blocks("", path).hex()[:16]


def _digest_blocks(name: str, path: Path) -> bytes:
    with container_path(path).open("rb", buffering=0) as file:
        size = file.seek(0, 2)
        digest = hashlib.sha256(f"{name} {size} ".encode())
        for start in (0, (size - BLOCK_BYTES) // 2, size - BLOCK_BYTES):
            file.seek(max(0, start))
            digest.update(file.read(BLOCK_BYTES))
    return digest.digest()
