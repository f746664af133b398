"""Scales, chords by Roman numeral, and voice leading. Pitch classes 0–11, keys in MIDI."""

import re
from itertools import pairwise, product
from typing import NamedTuple

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}
PENTATONIC = {"major": (0, 2, 4, 7, 9), "minor": (0, 3, 5, 7, 10)}

_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7),
    "sus4": (0, 5, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "add9": (0, 4, 7, 14),
    "m9": (0, 3, 7, 10, 14),
    "maj9": (0, 4, 7, 11, 14),
    "9": (0, 4, 7, 10, 14),
    "dim": (0, 3, 6),
    "m7b5": (0, 3, 6, 10),
}
_ROMAN = re.compile(r"([b#]?)([iIvV]+)(.*)")


class Chord(NamedTuple):
    """A root (pitch class) and the pitch classes from the root up."""

    root: int
    tones: tuple[int, ...]


def chord(symbol: str, tonic: int) -> Chord:
    """Chord of a Roman numeral over the major scale of `tonic`; lower case is minor.

    >>> chord("V7", 0)
    Chord(root=7, tones=(7, 11, 2, 5))
    >>> chord("bVImaj7", 9).root
    5
    """
    match = _ROMAN.fullmatch(symbol)
    if not match or match[2].lower() not in _DEGREES:
        raise ValueError(f"chord {symbol!r}: not a Roman numeral such as 'vi', 'bVII' or 'V7'")
    accidental, numeral, quality = match.groups()
    if numeral.islower() and not quality.startswith(("m", "dim", "sus", "5")):
        quality = "m" + quality
    if quality not in _QUALITIES:
        raise ValueError(f"chord {symbol!r}: quality must be one of {list(_QUALITIES)}")
    root = (tonic + _DEGREES[numeral.lower()] + {"": 0, "b": -1, "#": 1}[accidental]) % 12
    return Chord(root, tuple((root + step) % 12 for step in _QUALITIES[quality]))


def keys_in_range(classes: tuple[int, ...], low: int, high: int) -> list[int]:
    """Ascending keys from low to high whose pitch class is in `classes`."""
    return [key for key in range(low, high + 1) if key % 12 in classes]


def nearest_key(key: float, choices: list[int]) -> int:
    """The choice closest to `key`, the lower one of two."""
    return min(choices, key=lambda choice: (abs(choice - key), choice))


def lead_voices(tones: tuple[int, ...], previous: list[int], low: int, high: int) -> list[int]:
    """Voicing of a chord between low and high with as little movement as possible.

    Without `previous`, the voicing nearest to the middle of the range. Returns ascending keys, one
    per tone. The range must be at least an octave.
    """
    middle = [(low + high) / 2] * len(tones)
    target = sorted(previous) if len(previous) == len(tones) else middle

    def cost(keys: tuple[int, ...]) -> tuple[float, int]:
        ordered = sorted(keys)
        movement = sum(abs(a - b) for a, b in zip(ordered, target, strict=True))
        narrow_intervals = sum(b - a < 2 for a, b in pairwise(ordered))
        excess_width = max(0, ordered[-1] - ordered[0] - 16)
        return movement + 6 * narrow_intervals + 2 * excess_width, ordered[0]

    voicings: list[tuple[int, ...]] = list(
        product(*(keys_in_range((tone,), low, high) for tone in tones))
    )
    best: tuple[int, ...] = min(voicings, key=cost)
    return sorted(best)
