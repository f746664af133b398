"""What lies on disk for a song, in sixteen digits, without reading all of it."""

import hashlib
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path

from ai_mixer.audio.stem_file import container_path
from ai_mixer.core.types import Song

BLOCK_BYTES = 4096  # bytes
READER_THREADS = 8  # waiting for the disk, mostly


def song_digests(songs: Sequence[Song]) -> list[str]:
    """`song_digest` of each song, read by a few threads."""
    with ThreadPool(READER_THREADS) as pool:
        return list(pool.imap(song_digest, songs, chunksize=64))


def song_digest(song: Song) -> str:
    """Digest of a song's files (finished, dry, stems): their sizes and three blocks of each.

    The blocks are the start, the middle and the end, 12 KiB of a file: a million songs are read in
    minutes, not days. It sees another recording, length, level or encoding, and every changed
    sample of a FLAC file, whose header holds a digest of the audio. It does not see a change within
    an uncompressed file that keeps its size and these blocks, nor where the files lie. OSError if
    one cannot be read.
    """
    files = {"finished": song.path, "dry": song.dry_path, **song.stems}
    parts = [_digest_blocks(name, path) for name, path in sorted(files.items()) if path is not None]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def digest_file(path: Path) -> str:
    """Sixteen digits for the content of one file, seen as `song_digest` sees it."""
    return _digest_blocks("", path).hex()[:16]


def _digest_blocks(name: str, path: Path) -> bytes:
    with container_path(path).open("rb", buffering=0) as file:
        size = file.seek(0, 2)
        digest = hashlib.sha256(f"{name} {size} ".encode())
        for start in (0, (size - BLOCK_BYTES) // 2, size - BLOCK_BYTES):
            file.seek(max(0, start))
            digest.update(file.read(BLOCK_BYTES))
    return digest.digest()
