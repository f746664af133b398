"""A song as a DAWproject, the open format of Bitwig, Studio One, Cubase and others.

https://github.com/bitwig/dawproject, version 1.0. A zip file with the project as XML, the audio
files and the state of the plug-in. The equaliser and compressor of the DAW follow the plug-in on
the track, disabled.
"""

import io
import zipfile
from collections.abc import Iterator
from itertools import count
from xml.etree import ElementTree as Xml

import torch

from ai_mixer.core.version import __version__
from ai_mixer.plugin.builtin_devices import Band, CompressorSettings, bands, compressors
from ai_mixer.plugin.daw_song import Audio, DawSong
from ai_mixer.plugin.identity import VENDOR, parameter_id
from ai_mixer.plugin.presets import write_vstpreset

_STATE = "plugins/{console}.vstpreset"


def write_dawproject(song: DawSong) -> bytes:
    """The file of a project."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.xml", _text(project(song)))
        archive.writestr("metadata.xml", _text(metadata(song)))
        preset = write_vstpreset(song.plugin, song.settings)
        archive.writestr(_STATE.format(console=song.plugin.console), preset)
        for key, audio in (("song", song.source), ("mix", song.mix)):
            archive.write(audio.path, _place(audio, key), zipfile.ZIP_STORED)
    return buffer.getvalue()


def metadata(song: DawSong) -> Xml.Element:
    """`metadata.xml`."""
    root = Xml.Element("MetaData")
    Xml.SubElement(root, "Title").text = song.name
    Xml.SubElement(root, "Comment").text = f"Made by ai_mixer {__version__}"
    return root


def project(song: DawSong) -> Xml.Element:
    """`project.xml`: a track with the song and the plug-in, and a muted one with the mix."""
    ids = (f"id{number}" for number in count())
    master = _element("Channel", role="master", audioChannels=2, id="master")
    channel = _channel(song.gain, False, song.source, ids)
    devices = [_plugin(song, ids), *_builtin(song, ids)]
    channel.insert(0, _element("Devices", *devices))
    tracks = {
        "song": (song.source, channel, song.source.path.stem),
        "mix": (song.mix, _channel(1.0, True, song.mix, ids), f"{song.name} (finished)"),
    }
    structure = [
        _element("Track", channel, contentType="audio", name=name, id=key, loaded="true")
        for key, (_, channel, name) in tracks.items()
    ]
    output = _element("Track", master, contentType="audio", name="Master", id="out", loaded="true")
    lanes = [
        _element("Lanes", _element("Clips", _clip(audio, key), id=f"clips-{key}"), track=key)
        for key, (audio, _, _) in tracks.items()
    ]
    arrangement = _element("Lanes", *lanes, timeUnit="seconds", id=next(ids))
    return _element(
        "Project",
        _element("Application", name=VENDOR, version=__version__),
        _element("Transport", _real("Tempo", 120, "bpm", ids)),
        _element("Structure", *structure, output),
        _element("Arrangement", arrangement, id=next(ids)),
        version="1.0",
    )


def _channel(gain: float, mute: bool, audio: Audio, ids: Iterator[str]) -> Xml.Element:
    return _element(
        "Channel",
        _element("Mute", value=str(mute).lower(), id=next(ids)),
        _real("Pan", 0.5, "normalized", ids),
        _real("Volume", gain, "linear", ids),
        role="regular",
        audioChannels=audio.channels,
        destination="master",
        id=next(ids),
    )


def _clip(audio: Audio, key: str) -> Xml.Element:
    facts = {"channels": audio.channels, "sampleRate": audio.sample_rate}
    content = _element(
        "Audio", _element("File", path=_place(audio, key)), duration=audio.duration_s, **facts
    )
    times = {"time": 0.0, "duration": audio.duration_s, "playStart": 0.0}
    return _element("Clip", content, contentTimeUnit="seconds", **times)


def _plugin(song: DawSong, ids: Iterator[str]) -> Xml.Element:
    parameters = []
    for knob in song.plugin.chain.knobs:
        value = torch.tensor(song.settings[knob.name], dtype=torch.float64)
        position = float(knob.to_position(value))
        parameter = _real("RealParameter", position, "normalized", ids, min=0, max=1)
        parameter.attrib |= {"name": knob.name, "parameterID": str(parameter_id(knob.name))}
        parameters.append(parameter)
    return _element(
        "Vst3Plugin",
        _element("Parameters", *parameters),
        _element("Enabled", value="true", id=next(ids)),
        _element("State", path=_STATE.format(console=song.plugin.console)),
        deviceID=song.plugin.uid,
        deviceName=song.plugin.name,
        deviceRole="audioFX",
        deviceVendor=VENDOR,
        loaded="true",
        id=next(ids),
        name=song.plugin.name,
        pluginVersion=song.plugin.version,
    )


def _builtin(song: DawSong, ids: Iterator[str]) -> Iterator[Xml.Element]:
    """Devices of the DAW, disabled."""
    off = _element("Enabled", value="false", id=next(ids))
    role = {"deviceRole": "audioFX"}
    filters = [_band(band, ids) for band in bands(song.plugin, song.settings)]
    yield _element("Equalizer", off, *filters, deviceName="Equalizer", id=next(ids), **role)
    for settings in compressors(song.plugin, song.settings):
        off = _element("Enabled", value="false", id=next(ids))
        parts = _compressor(settings, ids)
        yield _element("Compressor", off, *parts, deviceName="Compressor", id=next(ids), **role)


def _band(band: Band, ids: Iterator[str]) -> Xml.Element:
    gain = [] if band.gain_db is None else [_real("Gain", band.gain_db, "decibel", ids)]
    return _element(
        "Band",
        _real("Freq", band.frequency_hz, "hertz", ids),
        *gain,
        _real("Q", band.q, "linear", ids),
        _element("Enabled", value="true", id=next(ids)),
        type=band.kind,
    )


def _compressor(settings: CompressorSettings, ids: Iterator[str]) -> Iterator[Xml.Element]:
    yield _real("Attack", settings.attack_ms / 1000, "seconds", ids)
    yield _element("AutoMakeup", value="false", id=next(ids))
    yield _real("OutputGain", settings.makeup_db, "decibel", ids)
    yield _real("Ratio", settings.ratio, "linear", ids)
    yield _real("Release", settings.release_ms / 1000, "seconds", ids)
    yield _real("Threshold", settings.threshold_db, "decibel", ids)


def _place(audio: Audio, key: str) -> str:
    return f"audio/{key}/{audio.path.name}"


def _real(tag: str, value: float, unit: str, ids: Iterator[str], **facts: float) -> Xml.Element:
    return _element(tag, value=repr(float(value)), unit=unit, id=next(ids), **facts)


def _element(tag: str, *children: Xml.Element, **attributes: object) -> Xml.Element:
    element = Xml.Element(tag, {name: str(value) for name, value in attributes.items()})
    element.extend(children)
    return element


def _text(root: Xml.Element) -> bytes:
    Xml.indent(root)
    return bytes(Xml.tostring(root, encoding="UTF-8", xml_declaration=True))
