"""A mix of several tracks as a project: a strip on each, sends to two buses, a master.

The plug-ins are those of the console `studio`. Faders and sends are the DAW's own; pan stays in the
strip, because its law differs between DAWs. The audio files have the gain that the mix gives them
before their strip.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ai_mixer.mixing.paths import check_not_existing
from ai_mixer.mixing.track_mix import TrackMixResult
from ai_mixer.plugin.daw_song import audio_of
from ai_mixer.plugin.dawproject import write_dawproject
from ai_mixer.plugin.identity import Plugin, load_plugin
from ai_mixer.plugin.project import Device, Project, ProjectTrack
from ai_mixer.plugin.reaper import write_rpp
from ai_mixer.utils.atomic_write import exclusive_write

FADER = "fader_db"


def track_project(result: TrackMixResult, files: Sequence[Path]) -> Project:
    """The project of a mix. files: of its tracks, in any order."""
    settings, paths = result.settings, {path.name: path for path in files}
    sends = {name: f"{name}_send" for name in settings["buses"]}
    strip = load_plugin("strip")
    tracks = []
    for number, track in enumerate(settings["tracks"], 1):
        gain = 10.0 ** (result.gains_db[track["name"]] / 20.0)
        start_s = result.starts_s.get(track["name"], 0.0)
        tracks.append(
            ProjectTrack(
                f"track{number}",
                Path(track["name"]).stem,
                audio_of(paths[track["name"]])._replace(gain=gain, start_s=start_s),
                _device(strip, {**track, FADER: 0.0}),
                10.0 ** (track.get(FADER, 0.0) / 20.0),
                sends={bus: track[send] for bus, send in sends.items() if track.get(send)},
            )
        )
    for bus, own in settings["buses"].items():
        tracks.append(ProjectTrack(bus, bus.title(), None, _device(load_plugin(bus), own)))
    device = _device(load_plugin("mastering"), settings["master"])
    gain = 10.0 ** (result.gain_db / 20.0)
    master = ProjectTrack("master", "Master", None, device, gain)
    return Project(result.output.stem, tracks, master)


def write_track_project(
    result: TrackMixResult, files: Sequence[Path], overwrite: bool
) -> list[Path]:
    """Write a DAWproject and a project of REAPER beside the result; returns their paths.

    OSError (one line) if one exists, unless it is overwritten.
    """
    paths, project = project_paths(result.output), track_project(result, files)
    check_not_existing(paths, overwrite)
    text = write_rpp(project, result.output.parent).encode()
    for path, content in zip(paths, (write_dawproject(project), text), strict=True):
        with exclusive_write(path, overwrite) as draft:
            draft.write_bytes(content)
    return paths


def project_paths(output: Path) -> list[Path]:
    """`mix.wav` → `mix.dawproject`, `mix.rpp`."""
    return [output.with_suffix(suffix) for suffix in (".dawproject", ".rpp")]


def _device(plugin: Plugin, settings: Mapping[str, Any]) -> Device:
    knobs = plugin.chain.knobs
    return Device(plugin, {k.name: float(settings.get(k.name, k.neutral)) for k in knobs})
