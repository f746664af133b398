"""A project for a DAW: tracks with audio, a plug-in, a fader and sends."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ai_mixer.plugin.identity import Plugin


class Audio(NamedTuple):
    """An audio file with its properties.

    gain: that the project's copy has been given. start_s: where it starts in the project.
    """

    path: Path
    sample_rate: int
    channels: int
    duration_s: float
    gain: float = 1.0
    start_s: float = 0.0


class Device(NamedTuple):
    """A plug-in with its settings, for all knobs."""

    plugin: Plugin
    settings: Mapping[str, float]


class ProjectTrack(NamedTuple):
    """A track. key: its identifier, unique. gain: of the fader, an amplitude ratio.

    audio: None for a track that only receives. sends: key of another track → amplitude ratio,
    behind the fader.
    """

    key: str
    name: str
    audio: Audio | None
    device: Device | None
    gain: float = 1.0
    mute: bool = False
    sends: Mapping[str, float] = {}


class Project(NamedTuple):
    """A project. master: plug-in and fader of the sum."""

    name: str
    tracks: list[ProjectTrack]
    master: ProjectTrack
