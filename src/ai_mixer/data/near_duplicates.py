"""The same recording twice, whatever its file is called: another encoding, level, trim or offset.

Recordings that share a few sub-fingerprints at one and the same distance in time are compared
there, bit by bit, as long as they overlap (Haitsma & Kalker 2002, section 4: an inverted index).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ai_mixer.data.audio_fingerprint import BITS, HOP, RATE_HZ

MAX_OCCURRENCES = (
    128  # places with the same sub-fingerprint; one that is more frequent tells nothing
)
MIN_VOTES = 3  # sub-fingerprints shared at one distance, before two recordings are compared
MIN_OVERLAP_FRAMES = round(5.0 * RATE_HZ / HOP)  # frames two recordings must overlap
MAX_BIT_ERROR_RATE = (
    0.35  # share of different bits up to which it is the same recording; chance gives 0.5
)


def near_duplicates(fingerprints: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of prints that are of one recording. prints: [F] uint32 each.

    Time and memory grow with the number of prints, not with that of their pairs.
    """
    found: dict[tuple[int, int], None] = {}
    for first, second, shift in _candidates(fingerprints):
        if (first, second) not in found and _is_same_recording(
            fingerprints[first], fingerprints[second], shift
        ):
            found[first, second] = None
    return sorted(found)


def bit_error_rate(first: np.ndarray, second: np.ndarray, shift: int) -> tuple[float, int]:
    """Share of different bits where first[n + shift] meets second[n], and over how many frames."""
    first, second = first[max(shift, 0) :], second[max(-shift, 0) :]
    frames = min(len(first), len(second))
    heard = (first[:frames] != 0) & (second[:frames] != 0)  # where neither is silent
    if not heard.any():
        return 1.0, 0
    different = np.bitwise_count(first[:frames][heard] ^ second[:frames][heard])
    return float(different.mean()) / BITS, int(heard.sum())


def _is_same_recording(first: np.ndarray, second: np.ndarray, shift: int) -> bool:
    errors, frames = bit_error_rate(first, second, shift)
    return errors <= MAX_BIT_ERROR_RATE and frames >= MIN_OVERLAP_FRAMES


def _candidates(fingerprints: Sequence[np.ndarray]) -> Iterator[tuple[int, int, int]]:
    """(i, j, shift) with enough sub-fingerprints in common, i < j."""
    if len(fingerprints) < 2:
        return
    value, owner, frame = _rare_values(fingerprints)
    owners, shifts = [], []
    for step in range(1, MAX_OCCURRENCES):
        same = value[step:] == value[:-step]
        if not same.any():
            break
        one, two = np.flatnonzero(same), np.flatnonzero(same) + step
        other = owner[one] != owner[two]
        one, two = one[other], two[other]  # sorted by value, then owner: owner[one] < owner[two]
        owners.append(owner[one] * len(fingerprints) + owner[two])
        shifts.append(frame[one] - frame[two])
    if not owners:
        return
    pairs = np.stack([np.concatenate(owners), np.concatenate(shifts)])
    unique, votes = np.unique(pairs, axis=1, return_counts=True)
    for pair, shift in unique[:, votes >= MIN_VOTES].T.tolist():
        yield pair // len(fingerprints), pair % len(fingerprints), shift


def _rare_values(fingerprints: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values that occur 2 to MOST times, sorted, each with its print's number and its frame."""
    value = np.concatenate(fingerprints)
    lengths = [len(one) for one in fingerprints]
    order = np.argsort(value, kind="stable")
    value = value[order]
    _, count = np.unique(value, return_counts=True)
    count = np.repeat(count, count)
    kept = (count > 1) & (count <= MAX_OCCURRENCES) & (value != 0)
    place = order[kept]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    owner = np.searchsorted(starts, place, side="right") - 1
    return value[kept], owner, place - starts[owner]
