"""Projects for REAPER (.rpp): native faders and sends, our CLAP plug-ins with their states."""

import base64
from collections.abc import Iterator
from pathlib import Path

from ai_mixer.core.version import __version__
from ai_mixer.plugin.daw_song import relative
from ai_mixer.plugin.identity import VENDOR
from ai_mixer.plugin.presets import write_state
from ai_mixer.plugin.project import Audio, Device, Project, ProjectTrack

_SOURCES = {".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".opus": "OPUS"}
_LINE_BYTES = 96  # of a state, before base64
_SEND = "0 {gain!r} 0 0 0 0 0 0 -1:U 0 -1 ''"  # behind the fader, in the middle, all channels


def write_rpp(project: Project, folder: Path) -> str:
    """The project as text. Audio files are named from `folder`, where the project will be."""
    rate = max(track.audio.sample_rate for track in project.tracks if track.audio)
    lines = [
        f'<REAPER_PROJECT 0.1 "7.0/{VENDOR}-{__version__}" 0',
        f"  SAMPLERATE {rate} 0 0",
        "  TEMPO 120 4 4",
        f"  MASTER_VOLUME {project.master.gain!r} 0 -1 -1 1",
        *_effects("MASTERFXLIST", project.master.device, "  "),
    ]
    for track in project.tracks:
        lines += _track(track, project, folder)
    return "".join(f"{line}\n" for line in [*lines, ">"])


def _track(track: ProjectTrack, project: Project, folder: Path) -> Iterator[str]:
    yield "  <TRACK"
    yield f"    NAME {_quoted(track.name)}"
    yield f"    VOLPAN {track.gain!r} 0 -1 -1 1"
    yield f"    MUTESOLO {int(track.mute)} 0 0"
    yield "    NCHAN 2"
    yield "    FX 1"
    for number, source in enumerate(project.tracks):
        if track.key in source.sends:
            yield f"    AUXRECV {number} {_SEND.format(gain=source.sends[track.key])}"
    yield from _effects("FXCHAIN", track.device, "    ")
    if track.audio:
        yield from _item(track.audio, folder)
    yield "  >"


def _item(audio: Audio, folder: Path) -> Iterator[str]:
    yield "    <ITEM"
    yield f"      POSITION {audio.start_s or 0!r}"
    yield f"      LENGTH {audio.duration_s!r}"
    yield "      LOOP 0"
    yield f"      NAME {_quoted(audio.path.name)}"
    yield f"      VOLPAN {audio.gain!r} 0 1 -1"
    yield f"      <SOURCE {_SOURCES.get(audio.path.suffix.lower(), 'WAVE')}"
    yield f"        FILE {_quoted(relative(audio.path, folder))}"
    yield from ("      >", "    >")


def _effects(chain: str, device: Device | None, indent: str) -> Iterator[str]:
    """A chain with one plug-in."""
    if device is None:
        return
    plugin, state = device.plugin, write_state(*device)
    parts = range(0, len(state), _LINE_BYTES)
    lines = [
        f"<{chain}",
        *("  SHOW 0", "  LASTSEL 0", "  DOCKED 0", "  BYPASS 0 0 0"),
        f'  <CLAP "CLAP: {plugin.name} ({VENDOR})" {plugin.id} ""',
        '    CFG 4 760 335 ""',
        "    <STATE",
        *(f"      {base64.b64encode(state[at : at + _LINE_BYTES]).decode()}" for at in parts),
        *("    >", "  >", "  WAK 0 0", ">"),
    ]
    yield from (f"{indent}{line}" for line in lines)


def _quoted(text: str) -> str:
    """A string of REAPER: in quotes that it does not contain."""
    quote = next((mark for mark in "\"'`" if mark not in text), None)
    return f"{quote}{text}{quote}" if quote else "`" + text.replace("`", "'") + "`"
