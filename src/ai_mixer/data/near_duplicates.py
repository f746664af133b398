"""Find copies of a recording that differ in encoding, level, length or offset.

Fingerprints that share a few values at the same time offset are compared bit by bit at that offset
(Haitsma & Kalker 2002, section 4: an inverted index).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ai_mixer.data.audio_fingerprint import BITS, HOP, RATE_HZ

MAX_OCCURRENCES = 128  # of a value; more frequent ones are not specific enough
MIN_VOTES = 3  # values shared at one offset, for two recordings to be compared
MIN_OVERLAP_FRAMES = round(5.0 * RATE_HZ / HOP)  # 5 s
MAX_BIT_ERROR_RATE = 0.35  # of copies; unrelated recordings have 0.5


def near_duplicates(fingerprints: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of fingerprints of the same recording.

    fingerprints: [F], or [2, F] of stereo, uint32 each; of two of stereo, any two rows may agree.
    Time and memory are linear in the number of fingerprints.
    """
    rows = [row for one in fingerprints for row in np.atleast_2d(one)]
    song = np.repeat(
        np.arange(len(fingerprints)), [np.atleast_2d(f).shape[0] for f in fingerprints]
    )
    pairs: set[tuple[int, int]] = set()
    for one, two, shift in _candidates(rows, song):
        pair = int(song[one]), int(song[two])
        if pair not in pairs and _is_same_recording(rows[one], rows[two], shift):
            pairs.add(pair)
    return sorted(pairs)


def bit_error_rate(first: np.ndarray, second: np.ndarray, shift: int) -> tuple[float, int]:
    """Share of bits in which first[n + shift] and second[n] differ, and the number of frames.

    Silent frames are excluded; (1.0, 0) if no frames are left.
    """
    first, second = first[max(shift, 0) :], second[max(-shift, 0) :]
    frames = min(len(first), len(second))
    audible = (first[:frames] != 0) & (second[:frames] != 0)
    if not audible.any():
        return 1.0, 0
    errors = np.bitwise_count(first[:frames][audible] ^ second[:frames][audible])
    return float(errors.mean()) / BITS, int(audible.sum())


def _is_same_recording(first: np.ndarray, second: np.ndarray, shift: int) -> bool:
    error_rate, frames = bit_error_rate(first, second, shift)
    return error_rate <= MAX_BIT_ERROR_RATE and frames >= MIN_OVERLAP_FRAMES


def _candidates(rows: Sequence[np.ndarray], song: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Rows i < j of different songs, and the shift at which at least MIN_VOTES values are equal."""
    if len(rows) < 2:
        return
    value, owner, frame = _rare_values(_without_repeated(rows, song))
    owners, shifts = [], []
    for step in range(1, MAX_OCCURRENCES):
        same = value[step:] == value[:-step]
        if not same.any():
            break
        one, two = np.flatnonzero(same), np.flatnonzero(same) + step
        other = song[owner[one]] != song[owner[two]]
        one, two = one[other], two[other]  # sorted by value, then owner: owner[one] < owner[two]
        owners.append(owner[one] * len(rows) + owner[two])
        shifts.append(frame[one] - frame[two])
    if not owners:
        return
    pairs = np.stack([np.concatenate(owners), np.concatenate(shifts)])
    unique, votes = np.unique(pairs, axis=1, return_counts=True)
    for pair, shift in unique[:, votes >= MIN_VOTES].T.tolist():
        yield pair // len(rows), pair % len(rows), shift


def _without_repeated(rows: Sequence[np.ndarray], song: np.ndarray) -> list[np.ndarray]:
    """The rows without the values of a second row that equal those of the first: 0 instead.

    Two rows of nearly mono songs are nearly equal; a value counts once, as of a mono song.
    """
    return [
        np.where(row == rows[n - 1], np.uint32(0), row) if n and song[n] == song[n - 1] else row
        for n, row in enumerate(rows)
    ]


def _rare_values(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted values that occur 2 to MAX_OCCURRENCES times, their row's index and frame."""
    value = np.concatenate(rows)
    lengths = [len(one) for one in rows]
    order = np.argsort(value, kind="stable")
    value = value[order]
    _, count = np.unique(value, return_counts=True)
    count = np.repeat(count, count)
    rare = (count > 1) & (count <= MAX_OCCURRENCES) & (value != 0)
    position = order[rare]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    owner = np.searchsorted(starts, position, side="right") - 1
    return value[rare], owner, position - starts[owner]
