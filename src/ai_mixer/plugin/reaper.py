"""A song as a project of REAPER (.rpp): native fader, our CLAP plug-in with its state."""

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path

from ai_mixer.core.version import __version__
from ai_mixer.plugin.daw_song import DawSong, relative
from ai_mixer.plugin.identity import VENDOR
from ai_mixer.plugin.project import Audio

_SOURCES = {".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".opus": "OPUS"}
_LINE_BYTES = 96  # of a state, before base64


def write_rpp(song: DawSong, folder: Path) -> str:
    """The project as text. Audio files are named from `folder`, where the project will be."""
    plugin = _clap(song)
    lines = [
        f'<REAPER_PROJECT 0.1 "7.0/{VENDOR}-{__version__}" 0',
        f"  SAMPLERATE {song.source.sample_rate} 0 0",
        "  TEMPO 120 4 4",
        *_track(song.source.path.stem, song.source, song.gain, False, folder, plugin),
        *_track(f"{song.name} (finished)", song.mix, 1.0, True, folder, []),
        ">",
    ]
    return "".join(f"{line}\n" for line in lines)


def _track(
    name: str, audio: Audio, gain: float, mute: bool, folder: Path, plugin: Sequence[str]
) -> Iterator[str]:
    yield "  <TRACK"
    yield f"    NAME {_quoted(name)}"
    yield f"    VOLPAN {gain!r} 0 -1 -1 1"
    yield f"    MUTESOLO {int(mute)} 0 0"
    yield "    NCHAN 2"
    yield "    FX 1"
    if plugin:
        yield from ("    <FXCHAIN", "      SHOW 0", "      LASTSEL 0", "      DOCKED 0")
        yield from plugin
        yield "    >"
    yield "    <ITEM"
    yield "      POSITION 0"
    yield f"      LENGTH {audio.duration_s!r}"
    yield "      LOOP 0"
    yield f"      NAME {_quoted(audio.path.name)}"
    yield f"      <SOURCE {_SOURCES.get(audio.path.suffix.lower(), 'WAVE')}"
    yield f"        FILE {_quoted(relative(audio.path, folder))}"
    yield from ("      >", "    >", "  >")


def _clap(song: DawSong) -> list[str]:
    plugin = song.plugin
    parts = range(0, len(song.state), _LINE_BYTES)
    coded = (base64.b64encode(song.state[at : at + _LINE_BYTES]).decode() for at in parts)
    return [
        "      BYPASS 0 0 0",
        f'      <CLAP "CLAP: {plugin.name} ({VENDOR})" {plugin.id} ""',
        '        CFG 4 760 335 ""',
        "        <STATE",
        *(f"          {line}" for line in coded),
        "        >",
        "      >",
        "      WAK 0 0",
    ]


def _quoted(text: str) -> str:
    """A string of REAPER: in quotes that it does not contain."""
    quote = next((mark for mark in "\"'`" if mark not in text), None)
    return f"{quote}{text}{quote}" if quote else "`" + text.replace("`", "'") + "`"
