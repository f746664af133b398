"""A mixed song for a DAW project: the files, the plug-in with its settings, the fader."""

import os
from pathlib import Path
from typing import NamedTuple

from ai_mixer.audio import AudioFile
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.plugin.identity import Plugin, load_plugin
from ai_mixer.plugin.presets import write_state
from ai_mixer.plugin.project import Audio, Device, Project, ProjectTrack


class DawSong(NamedTuple):
    """A song with the plug-in on its track, and the finished mix on a muted one.

    gain_db: of the fader behind the plug-in, from delivery.
    """

    name: str
    plugin: Plugin
    settings: dict[str, float]
    gain_db: float
    source: Audio
    mix: Audio

    @property
    def state(self) -> bytes:
        """State of the plug-in."""
        return write_state(self.plugin, self.settings)

    @property
    def project(self) -> Project:
        """A track with the song and the plug-in, a muted one with the mix."""
        device = Device(self.plugin, self.settings)
        tracks = [
            ProjectTrack("song", self.source.path.stem, self.source, device, self.gain),
            ProjectTrack("mix", f"{self.name} (finished)", self.mix, None, mute=True),
        ]
        return Project(self.name, tracks, ProjectTrack("master", "Master", None, None))

    @property
    def gain(self) -> float:
        """The fader as an amplitude ratio."""
        return float(10.0 ** (self.gain_db / 20.0))


def daw_song(result: MixResult) -> DawSong:
    """The song of a result. ValueError (one line) if the plug-ins cannot play it."""
    preset = result.preset
    entry = preset.console.entry
    if not isinstance(entry, str):
        raise ValueError("--daw: there is no plug-in for this console, only for packaged ones")
    if len(preset.sections) > 1:
        raise ValueError("--daw: a preset of a plug-in has one section: leave out --adaptive")
    gain_db = result.delivered.gain_db if result.delivered else 0.0
    return DawSong(
        result.output.stem,
        load_plugin(entry),
        dict(preset.settings),
        gain_db,
        audio_of(result.song),
        audio_of(result.output),
    )


def differences(result: MixResult) -> list[str]:
    """What a mix has and the plug-in with its fader has not, for a note."""
    found = []
    if result.preset.equaliser:
        found.append("the matching equaliser")
    if result.preset.expand_db > 0:
        found.append("the expander")
    if result.delivered and result.delivered.reduction_db > 0.1:
        found.append(f"the limiter behind the fader ({result.delivered.reduction_db:.1f} dB)")
    return found


def relative(path: Path, folder: Path) -> str:
    """Path from a folder, with / as in all project files."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def audio_of(path: Path) -> Audio:
    """Properties of an audio file."""
    file = AudioFile(path)
    return Audio(path, file.sample_rate, file.channels, file.duration_s)
