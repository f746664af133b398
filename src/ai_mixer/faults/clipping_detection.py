"""Detection of clipping: flat tops at the highest or lowest level of a channel.

A place is clipped if two samples or more are at that level, reached and left by a steep slope. The
level itself does not matter: a recording that was clipped and turned down is found as well.
Clipping before a lossy encoder is not.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FLAT = 7e-5  # tolerance of a flat top: two steps of 16 bits, for dither
# Slope within two samples before and after, for a flat top not to be that of a low note: of the
# level, and at least. Two samples of a round top that are as flat have a slope of 0.0018.
MIN_SLOPE, MIN_RISE = 0.002, 30 * FLAT
MIN_LEVEL = 0.01  # −40 dBFS


class Clipping(NamedTuple):
    """Clipped places of a channel, and their samples."""

    places: int
    samples: int


class ClippingDetector:
    """Clipping of one channel in blocks. A flat top across two blocks counts as two."""

    def __init__(self) -> None:
        self._tops = [_FlatTops(), _FlatTops()]  # of the channel and of its negative

    def push(self, x: NDArray[np.float32]) -> None:
        """Add the next block, [n]."""
        for tops, signal in zip(self._tops, (x, -x), strict=True):
            tops.push(signal)

    def read(self) -> Clipping:
        """Clipped places so far."""
        lengths = np.concatenate([tops.lengths for tops in self._tops])
        return Clipping(len(lengths), int(lengths.sum()))


class _FlatTops:
    """Lengths of the flat tops at the highest level so far."""

    def __init__(self) -> None:
        self._level = MIN_LEVEL
        self._values, self.lengths = np.zeros(0, np.float32), np.zeros(0, np.int64)

    def push(self, x: NDArray[np.float32]) -> None:
        self._level = max(self._level, float(x.max()))
        top = x >= self._level - FLAT
        edges = np.diff(top.astype(np.int8), prepend=0, append=0)
        first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
        rise = x[first] - x[np.maximum(first - 2, 0)]
        fall = x[last] - x[np.minimum(last + 2, len(x) - 1)]
        steep = np.minimum(rise, fall) >= max(MIN_SLOPE * self._level, MIN_RISE)
        found = steep & (last > first)
        values = np.concatenate([self._values, x[first[found]]])
        lengths = np.concatenate([self.lengths, (last - first + 1)[found]])
        highest = values >= self._level - FLAT  # those of earlier blocks may be lower
        self._values, self.lengths = values[highest], lengths[highest]
