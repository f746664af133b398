"""Pairs of a real rough version ("before") and its finished version ("after").

Files: `pairs/<song>/before.wav` and `after.wav`, or `pairs/before/<song>.wav` and
`pairs/after/<song>.wav`, in any format and sample rate. Length and start of the two may differ by
up to a second; the exact lag is estimated from the audio. A file `reference` of any length, in the
same place, is the reference of the song.
"""

import math
import struct
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.fft import next_fast_len

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import probe, read_excerpt
from ai_mixer.audio.tags import normalize_text
from ai_mixer.core.types import SkippedSong
from ai_mixer.data.metadata_cache import FileMetadata, MetadataCache

BEFORE, AFTER, REFERENCE = VERSIONS = "before", "after", "reference"
TOLERANCE_S = 1.0  # maximum difference in length and maximum lag
ALIGNMENT_EXCERPT_S = 20.0  # in the middle of the song
ALIGNMENT_RATE_HZ = 11025  # resolves a tenth of a millisecond
MIN_PEAK_RATIO = 8.0  # peak of the correlation over its RMS; unrelated audio has about 5


class Pair(NamedTuple):
    """Files of a pair. name: path below the folder of pairs, e.g. `rock/some band/song`."""

    name: str
    before: Path
    after: Path
    reference: Path | None = None


def find_pairs(root: Path, files: Sequence[Path]) -> tuple[list[Pair], list[SkippedSong]]:
    """Pairs among the audio files below `root`, and files without a counterpart."""
    versions_of: dict[str, dict[str, Path]] = defaultdict(dict)
    unpaired = []
    for file in files:
        path = file.relative_to(root).with_suffix("")
        version, parts = path.parts[0].lower(), path.parts[1:]
        if version not in VERSIONS or not parts:
            version, parts = path.name.lower(), path.parts[:-1]
        name = normalize_text("/".join(parts))
        if version not in VERSIONS or version in versions_of[name]:
            reason = f"is neither `{BEFORE}` nor `{AFTER}` of a pair"
            unpaired.append(SkippedSong(str(file), reason))
        else:
            versions_of[name][version] = file
    pairs = []
    for name, versions in versions_of.items():
        if BEFORE in versions and AFTER in versions:
            pairs.append(Pair(name, versions[BEFORE], versions[AFTER], versions.get(REFERENCE)))
        else:
            unpaired += [
                SkippedSong(str(file), f"needs both `{BEFORE}` and `{AFTER}`")
                for file in versions.values()
            ]
    return pairs, unpaired


def align_pairs(
    pairs: Sequence[Pair], metadata: dict[Path, FileMetadata], index: MetadataCache
) -> tuple[dict[Pair, float], list[SkippedSong]]:
    """Estimate the lag of `before` relative to `after` in seconds, for each pair.

    Returns pair → lag, and the pairs whose lengths differ or that do not match, as skipped songs.
    """
    candidates, skipped = {}, []
    for pair in pairs:
        before, after = (metadata[file] for file in (pair.before, pair.after))
        after_s, before_s = after.header.duration_s, before.header.duration_s
        if abs(after_s - before_s) > TOLERANCE_S:
            reason = f"lasts {after_s:.1f} s, {pair.before.name} {before_s:.1f} s: trim them alike"
            skipped.append(SkippedSong(str(pair.after), reason))
        else:
            candidates[f"lag {before.digest} {after.digest}"] = pair
    packed_lags = index.get_or_compute(candidates, _packed_lag, "aligning before and after")
    lags_s = {}
    for key, pair in candidates.items():
        (lag_s,) = struct.unpack("<d", packed_lags[key])
        if math.isnan(lag_s):
            reason = f"does not match {pair.before.name} within a lag of {TOLERANCE_S:g} s"
            skipped.append(SkippedSong(str(pair.after), reason))
        else:
            lags_s[pair] = lag_s
    return lags_s, skipped


def estimate_lag_s(before: np.ndarray, after: np.ndarray, rate: int) -> float:
    """Lag of `before` relative to `after` in seconds, within ±TOLERANCE_S; NaN if they differ.

    before, after: mono audio [T] of the same time interval.
    """
    lag_s, peak_ratio = correlation_peak(before, after, rate, TOLERANCE_S)
    return lag_s if peak_ratio > MIN_PEAK_RATIO else math.nan


def correlation_peak(
    before: np.ndarray, after: np.ndarray, rate: int, max_lag_s: float = math.inf
) -> tuple[float, float]:
    """Lag of `before` relative to `after` in seconds, and the peak of the correlation over its RMS.

    before, after: mono audio [T] with the same start, of any lengths. The lag is within ±max_lag_s.
    Uses the peak of the whitened correlation (GCC-PHAT: Knapp & Carter, "The Generalized
    Correlation Method for Estimation of Time Delay", 1976). Silence has the ratio 0.
    """
    size = next_fast_len(len(before) + len(after), real=True)
    cross = np.fft.rfft(before, size) * np.fft.rfft(after, size).conj()
    correlation = np.abs(np.fft.irfft(cross / (np.abs(cross) + 1e-12 * len(before)), size))
    max_lag = round(min(max_lag_s * rate, size // 2 - 1))
    near = np.concatenate([correlation[-max_lag:], correlation[: max_lag + 1]])
    peak, rms = int(near.argmax()), float(np.sqrt(np.mean(correlation**2)))
    return (peak - max_lag) / rate, float(near[peak]) / rms if rms > 0 else 0.0


def _packed_lag(pair: Pair) -> bytes:
    try:
        return struct.pack("<d", _estimate_file_lag_s(pair))
    except SongError:
        return struct.pack("<d", math.nan)


def _estimate_file_lag_s(pair: Pair) -> float:
    duration_s = probe(pair.after).duration_s
    start_s = max(0.0, (duration_s - ALIGNMENT_EXCERPT_S) / 2)
    excerpt_s = min(ALIGNMENT_EXCERPT_S, duration_s)
    before, after = (
        read_excerpt(file, start_s, excerpt_s, ALIGNMENT_RATE_HZ).mean(0).numpy()
        for file in (pair.before, pair.after)
    )
    return estimate_lag_s(before, after, ALIGNMENT_RATE_HZ)
