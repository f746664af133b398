"""A set of songs that needs neither their names nor their files, to recognise them elsewhere.

A song is known by the digest of its file and by its sound: a copy in another encoding, at another
level or trimmed has another digest and nearly the same fingerprint.
"""

from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from typing import NamedTuple, Self

import numpy as np

from ai_mixer.core.types import Song
from ai_mixer.data.file_digest import READER_THREADS, digest_file, song_digests
from ai_mixer.data.fingerprint_index import STORED_FRAMES, FingerprintIndex, compact
from ai_mixer.data.metadata_cache import MetadataCache

MAX_FINGERPRINTS = 100_000  # 58 MB; the songs of a larger set are known by their digests only
NO_DIGESTS = np.zeros(0, np.uint64)
NO_FINGERPRINTS = np.zeros((0, STORED_FRAMES), np.uint32)


class SongSet(NamedTuple):
    """Digests [S], sorted uint64, and fingerprints [F, STORED_FRAMES], uint32, of songs.

    A song takes 8 bytes, and 584 more with each fingerprint: one of mono, two of stereo.
    """

    digests: np.ndarray = NO_DIGESTS
    fingerprints: np.ndarray = NO_FINGERPRINTS

    @classmethod
    def of(cls, songs: Sequence[Song], cache: MetadataCache | None) -> Self:
        """Return the set of the given songs. OSError if a file cannot be read.

        cache: of the fingerprints; None: digests only.
        """
        files = _file_digests(songs)
        sources = [song.source_digest for song in songs if song.source_digest]
        digests = digest_numbers([*files, *sources])
        if cache is None or 2 * len(songs) > MAX_FINGERPRINTS:
            return cls(digests)
        paths = [song.path for song in songs]
        fingerprints = cache.fingerprints(list(zip(paths, files, strict=True)))
        rows = [compact(row) for one in fingerprints for row in np.atleast_2d(one)]
        return cls(digests, _unique_fingerprints(rows))

    def union(self, other: "SongSet") -> "SongSet":
        """Return the songs of both sets."""
        fingerprints = _unique_fingerprints([*self.fingerprints, *other.fingerprints])
        if len(fingerprints) > MAX_FINGERPRINTS:
            fingerprints = NO_FINGERPRINTS
        return SongSet(np.union1d(self.digests, other.digests), fingerprints)

    def difference(self, other: "SongSet") -> "SongSet":
        """Return the songs that are not in the other set."""
        rows = {row.tobytes() for row in other.fingerprints}
        kept = [row for row in self.fingerprints if row.tobytes() not in rows]
        return SongSet(np.setdiff1d(self.digests, other.digests), _unique_fingerprints(kept))

    def contains_digest(self, songs: Sequence[Song]) -> np.ndarray:
        """Whether each song is in the set, by digest: n songs → [n] bool."""
        found = np.zeros(len(songs), bool)
        if not len(self.digests):
            return found
        # Runs without a file of seen songs have stored `song_digest`, of all files of a song.
        for digests in (
            _file_digests(songs),
            song_digests(songs),
            [song.source_digest or "" for song in songs],
        ):
            known = np.array([bool(text) for text in digests], bool)
            numbers = np.array([int(text or "0", 16) for text in digests], np.uint64)
            found |= known & np.isin(numbers, self.digests)
        return found

    def contains(self, songs: Sequence[Song], cache: MetadataCache) -> np.ndarray:
        """Whether each song is in the set, by digest or by sound: n songs → [n] bool."""
        found = self.contains_digest(songs)
        others: list[int] = np.flatnonzero(~found).tolist()
        if not len(self.fingerprints) or not others:
            return found
        index = FingerprintIndex(self.fingerprints)
        files = [(songs[n].path, digest_file(songs[n].path)) for n in others]
        for n, fingerprint in zip(others, cache.fingerprints(files), strict=True):
            rows = np.atleast_2d(fingerprint)
            found[n] = any(index.find(row) is not None for row in rows)
        return found


def digest_numbers(digests: Sequence[str]) -> np.ndarray:
    """Return digests of 16 hexadecimal digits as sorted numbers [S], uint64."""
    return np.unique(np.array([int(text, 16) for text in digests], np.uint64))


def _file_digests(songs: Sequence[Song]) -> list[str]:
    """Digest of each finished version, in parallel."""
    with ThreadPool(READER_THREADS) as pool:
        return list(pool.imap(digest_file, [song.path for song in songs], chunksize=64))


def _unique_fingerprints(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Different rows that are not silent, sorted: [F, STORED_FRAMES]."""
    unique = np.unique(np.array(rows, np.uint32).reshape(-1, STORED_FRAMES), axis=0)
    return unique[unique.any(axis=1)]
