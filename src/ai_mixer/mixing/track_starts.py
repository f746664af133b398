"""Where the tracks of a song start: times that are given, or those that recorders write."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ai_mixer.audio.broadcast_wave import time_reference
from ai_mixer.mixing.track_inputs import TrackInput, change_track

MAX_START_S = 3600.0


def with_starts(
    inputs: Sequence[TrackInput], starts_s: Mapping[str, float] | None = None
) -> list[TrackInput]:
    """Tracks with their starts, in seconds from the start of the mix.

    starts_s: by the name of a file. The others start at 0, or at the time reference of Broadcast
    Wave files, from the earliest, if all tracks have one and they differ by MAX_START_S at most.
    ValueError (one line) for a name that is no track, or a start outside 0 to MAX_START_S.
    """
    found = _recorded_starts(inputs)
    tracks = [replace(t, start_s=s) for t, s in zip(inputs, found, strict=True)]
    for name, start_s in (starts_s or {}).items():
        if not (math.isfinite(start_s) and 0 <= start_s <= MAX_START_S):
            raise ValueError(f"--start {name}={start_s:g}: must be 0 to {MAX_START_S:g} s")
        change_track(tracks, "--start", name, start_s=start_s)
    return tracks


def start_notes(inputs: Sequence[TrackInput]) -> list[str]:
    """Tracks that do not start with the mix, one line each; and time references left out."""
    notes = [
        f"{track.name} starts at {track.start_s:.3f} s" for track in inputs if track.start_s > 0
    ]
    seconds = _references_s(inputs)
    if seconds and max(seconds) - min(seconds) > MAX_START_S:
        hours = (max(seconds) - min(seconds)) / 3600
        notes.append(f"the time references differ by {hours:.1f} h and are not used: see --start")
    return notes


def _recorded_starts(inputs: Sequence[TrackInput]) -> list[float]:
    seconds = _references_s(inputs)
    if not seconds or max(seconds) - min(seconds) > MAX_START_S:
        return [0.0] * len(inputs)
    return [start_s - min(seconds) for start_s in seconds]


def _references_s(inputs: Sequence[TrackInput]) -> list[float]:
    """Time references in seconds; none unless all tracks have one."""
    references = [time_reference(track.file.path) for track in inputs]
    known = [reference for reference in references if reference is not None]
    if len(known) < len(references):
        return []
    return [
        reference / track.file.sample_rate for reference, track in zip(known, inputs, strict=True)
    ]
