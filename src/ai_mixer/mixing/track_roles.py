"""Roles from the sound for tracks of a mix whose names say none."""

from collections.abc import Sequence
from dataclasses import replace

from ai_mixer.data.role_classifier import role_of_file
from ai_mixer.mixing.track_inputs import TrackInput


def with_role(track: TrackInput) -> TrackInput:
    """The track with the role that its sound makes likely, unless it has one or is not heard."""
    if track.role or track.muted or track.silent:
        return track
    return replace(track, role=role_of_file(track.file.path, track.file.duration_s))


def role_notes(given: Sequence[TrackInput], found: Sequence[TrackInput]) -> list[str]:
    """A line for each track whose role comes from its sound."""
    return [
        f"{after.name} is {after.role} by its sound: --role {after.name}=… for another role"
        for before, after in zip(given, found, strict=True)
        if after.role and not before.role
    ]
