"""Find recordings in a compact set of fingerprints, without the files that these were made of.

Of each fingerprint every `STRIDE`-th frame is stored: neighbouring frames overlap by 94 %, so that
few bits are lost. A query has all its frames; each value that it shares with a stored one gives a
time offset, and at that offset the bits are compared as in `near_duplicates`.
"""

import numpy as np

from ai_mixer.data.audio_fingerprint import BITS, FINGERPRINT_SPAN_S, HOP, RATE_HZ
from ai_mixer.data.near_duplicates import (
    MAX_BIT_ERROR_RATE,
    MAX_OCCURRENCES,
    MIN_OVERLAP_FRAMES,
)

STRIDE = 8  # 0.2 s
STORED_FRAMES = round(FINGERPRINT_SPAN_S * RATE_HZ / HOP / STRIDE)  # 146 frames, 584 bytes
CHUNK = 1024  # candidates that are compared at a time


def compact(fingerprint: np.ndarray) -> np.ndarray:
    """Return every `STRIDE`-th frame: [F], uint32 → [STORED_FRAMES], zeros at the end."""
    kept = fingerprint[::STRIDE][:STORED_FRAMES]
    return np.pad(kept, (0, STORED_FRAMES - len(kept)))


class FingerprintIndex:
    """Search structure for compact fingerprints [S, STORED_FRAMES], uint32."""

    def __init__(self, stored: np.ndarray) -> None:
        self.stored = stored
        self._order = np.argsort(stored, axis=None, kind="stable")
        self._values = stored.ravel()[self._order]

    def find(self, fingerprint: np.ndarray) -> int | None:
        """Return the number of the stored recording that a fingerprint [F] is of, if any."""
        songs, shifts = self._candidates(fingerprint)
        for start in range(0, len(songs), CHUNK):
            chunk = slice(start, start + CHUNK)
            found = self._is_same_recording(fingerprint, songs[chunk], shifts[chunk])
            if found.any():
                return int(songs[chunk][found][0])
        return None

    def _candidates(self, fingerprint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Recordings and offsets, in frames, with an equal value; those with the most first."""
        frames = np.flatnonzero(fingerprint)
        first, last = (
            np.searchsorted(self._values, fingerprint[frames], side) for side in ("left", "right")
        )
        rare = last - first <= MAX_OCCURRENCES
        first, count, frames = first[rare], (last - first)[rare], frames[rare]
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        place = self._order[np.repeat(first, count) + within]
        songs, stored_frames = np.divmod(place, STORED_FRAMES)
        shifts = np.repeat(frames, count) - STRIDE * stored_frames
        pairs, votes = np.unique(np.stack([songs, shifts]), axis=1, return_counts=True)
        songs, shifts = pairs[:, np.argsort(-votes, kind="stable")]
        return songs, shifts

    def _is_same_recording(
        self, fingerprint: np.ndarray, songs: np.ndarray, shifts: np.ndarray
    ) -> np.ndarray:
        """Whether enough bits are equal at each offset: [n] recordings and offsets → [n]."""
        frames = shifts[:, None] + STRIDE * np.arange(STORED_FRAMES)
        inside = (frames >= 0) & (frames < len(fingerprint))
        query = np.where(inside, fingerprint[frames.clip(0, len(fingerprint) - 1)], 0)
        stored = self.stored[songs]
        audible = (query != 0) & (stored != 0)
        errors = np.where(audible, np.bitwise_count(query ^ stored), 0).sum(1)
        count = audible.sum(1)
        enough = count * STRIDE >= MIN_OVERLAP_FRAMES
        return enough & (errors <= MAX_BIT_ERROR_RATE * BITS * count)
