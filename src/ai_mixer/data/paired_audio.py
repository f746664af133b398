"""Before and after: what somebody mixed, and what came of it.

`pairs/<song>/before.wav` and `after.wav`, or `pairs/before/<song>.wav` and
`pairs/after/<song>.wav`, in any format and rate. The two must be as long as each other, and begin
together, to within a second; where exactly is heard from the sound. A `reference` laid down like
them, of any length, is what the song is meant to sound like.
"""

import math
import struct
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.fft import next_fast_len

from ai_mixer.audio.excerpt import SongError, probe, read_excerpt
from ai_mixer.core.types import SkippedSong
from ai_mixer.data.metadata_cache import FileMetadata, MetadataCache

BEFORE, AFTER, REFERENCE = VERSIONS = "before", "after", "reference"
TOLERANCE_S = 1.0  # what a pair may differ by in length, and in where it begins
ALIGNMENT_EXCERPT_S = 20.0  # of the middle, to find out
ALIGNMENT_RATE_HZ = 11025  # Hz: to a tenth of a millisecond
MIN_PEAK_RATIO = 8.0  # how far the peak of the correlation stands out of it (chance: about 5)


class Pair(NamedTuple):
    """name: where it lies below the folder of pairs, e.g. `rock/some band/song`."""

    name: str
    before: Path
    after: Path
    reference: Path | None = None


def find_pairs(root: Path, files: Sequence[Path]) -> tuple[list[Pair], list[SkippedSong]]:
    """The pairs among the sound files below `root`, and files that have no partner."""
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    alone = []
    for file in files:
        place = file.relative_to(root).with_suffix("")
        side, rest = place.parts[0].lower(), place.parts[1:]
        if side not in VERSIONS or not rest:
            side, rest = place.name.lower(), place.parts[:-1]
        if side not in VERSIONS or side in found["/".join(rest)]:
            alone.append(SkippedSong(str(file), f"is neither `{BEFORE}` nor `{AFTER}` of a pair"))
        else:
            found["/".join(rest)][side] = file
    pairs = []
    for name, sides in found.items():
        if BEFORE in sides and AFTER in sides:
            pairs.append(Pair(name, sides[BEFORE], sides[AFTER], sides.get(REFERENCE)))
        else:
            alone += [SkippedSong(str(file), "has no partner") for file in sides.values()]
    return pairs, alone


def align_pairs(
    pairs: Sequence[Pair], metadata: dict[Path, FileMetadata], index: MetadataCache
) -> tuple[dict[Pair, float], list[SkippedSong]]:
    """How many seconds later `before` begins than `after`; pairs that do not fit are left out."""
    fit, skipped = {}, []
    for pair in pairs:
        before, after = (metadata[file] for file in (pair.before, pair.after))
        long_s, other_s = after.header.duration_s, before.header.duration_s
        if abs(long_s - other_s) > TOLERANCE_S:
            reason = f"lasts {long_s:.1f} s, {pair.before.name} {other_s:.1f} s: export both alike"
            skipped.append(SkippedSong(str(pair.after), reason))
        else:
            fit[f"lag {before.digest} {after.digest}"] = pair
    answers = index.get_or_compute(fit, _packed_lag, "aligning before and after")
    found = {}
    for key, pair in fit.items():
        (lag_s,) = struct.unpack("<d", answers[key])
        if math.isnan(lag_s):
            reason = (
                f"is not heard in {pair.before.name} within {TOLERANCE_S:g} s of the same place"
            )
            skipped.append(SkippedSong(str(pair.after), reason))
        else:
            found[pair] = lag_s
    return found, skipped


def estimate_lag_s(before: np.ndarray, after: np.ndarray, rate: int) -> float:
    """Seconds by which `before` lies later, up to SLACK_S; NaN if they are not of one recording.

    [T] samples each, of the same stretch of time. By the peak of their correlation, whitened, so
    that bass does not smear it (Knapp & Carter, "The Generalized Correlation Method for Estimation
    of Time Delay", 1976).
    """
    size = next_fast_len(2 * len(before), real=True)
    cross = np.fft.rfft(before, size) * np.fft.rfft(after, size).conj()
    correlation = np.abs(np.fft.irfft(cross / (np.abs(cross) + 1e-12 * len(before)), size))
    most = round(TOLERANCE_S * rate)
    near = np.concatenate([correlation[-most:], correlation[: most + 1]])
    peak = int(near.argmax())
    if not near[peak] > MIN_PEAK_RATIO * np.sqrt(np.mean(correlation**2)):
        return math.nan
    return (peak - most) / rate


def _packed_lag(pair: Pair) -> bytes:
    try:
        return struct.pack("<d", _estimate_file_lag_s(pair))
    except SongError:
        return struct.pack("<d", math.nan)


def _estimate_file_lag_s(pair: Pair) -> float:
    duration_s = probe(pair.after).duration_s
    start_s, heard_s = (
        max(0.0, (duration_s - ALIGNMENT_EXCERPT_S) / 2),
        min(ALIGNMENT_EXCERPT_S, duration_s),
    )
    before, after = (
        read_excerpt(file, start_s, heard_s, ALIGNMENT_RATE_HZ).mean(0).numpy()
        for file in (pair.before, pair.after)
    )
    return estimate_lag_s(before, after, ALIGNMENT_RATE_HZ)
