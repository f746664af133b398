"""Projects as DAWproject, the open format of Bitwig, Studio One, Cubase and others.

https://github.com/bitwig/dawproject, version 1.0. A zip file with the project as XML, the audio
files and the states of the plug-ins. The equaliser and compressor of the DAW follow each plug-in,
disabled.
"""

import io
import zipfile
from collections.abc import Iterator
from itertools import count
from xml.etree import ElementTree as Xml

import soundfile
import torch

from ai_mixer.audio import AudioFile
from ai_mixer.core.version import __version__
from ai_mixer.plugin.builtin_devices import Band, CompressorSettings, bands, compressors
from ai_mixer.plugin.identity import VENDOR, parameter_id
from ai_mixer.plugin.presets import write_vstpreset
from ai_mixer.plugin.project import Audio, Device, Project, ProjectTrack

Ids = Iterator[str]


def write_dawproject(project: Project) -> bytes:
    """The file of a project."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.xml", _text(project_xml(project)))
        archive.writestr("metadata.xml", _text(metadata_xml(project)))
        for track in (*project.tracks, project.master):
            if track.device:
                archive.writestr(_state_path(track), write_vstpreset(*track.device))
            if track.audio and track.audio.gain == 1.0:
                archive.write(track.audio.path, _audio_path(track), zipfile.ZIP_STORED)
            elif track.audio:
                archive.writestr(_audio_path(track), _with_gain(track.audio))
    return buffer.getvalue()


def metadata_xml(project: Project) -> Xml.Element:
    """`metadata.xml`."""
    root = Xml.Element("MetaData")
    Xml.SubElement(root, "Title").text = project.name
    Xml.SubElement(root, "Comment").text = f"Made by ai_mixer {__version__}"
    return root


def project_xml(project: Project) -> Xml.Element:
    """`project.xml`."""
    ids = (f"id{number}" for number in count())
    tracks = [
        _track(track, "regular" if track.audio else "effect", ids) for track in project.tracks
    ]
    lanes = [_lane(track) for track in project.tracks if track.audio]
    return _element(
        "Project",
        _element("Application", name=VENDOR, version=__version__),
        _element("Transport", _real("Tempo", 120, "bpm", ids)),
        _element("Structure", *tracks, _track(project.master, "master", ids)),
        _element(
            "Arrangement", _element("Lanes", *lanes, timeUnit="seconds", id=next(ids)), id=next(ids)
        ),
        version="1.0",
    )


def _track(track: ProjectTrack, role: str, ids: Ids) -> Xml.Element:
    facts = {"contentType": "audio", "name": track.name, "loaded": "true"}
    return _element("Track", _channel(track, role, ids), id=f"track-{track.key}", **facts)


def _channel(track: ProjectTrack, role: str, ids: Ids) -> Xml.Element:
    parts = []
    if track.device:
        devices = [_plugin(track, track.device, ids), *_builtin(track.device, ids)]
        parts.append(_element("Devices", *devices))
    parts.append(_element("Mute", value=str(track.mute).lower(), id=next(ids)))
    parts.append(_real("Pan", 0.5, "normalized", ids))
    if track.sends:
        parts.append(_element("Sends", *(_send(*send, ids) for send in track.sends.items())))
    parts.append(_real("Volume", track.gain, "linear", ids))
    facts = {} if role == "master" else {"destination": "channel-master"}
    return _element(
        "Channel", *parts, role=role, audioChannels=2, id=f"channel-{track.key}", **facts
    )


def _send(key: str, gain: float, ids: Ids) -> Xml.Element:
    volume = _real("Volume", gain, "linear", ids)
    return _element("Send", volume, destination=f"channel-{key}", type="post", id=next(ids))


def _lane(track: ProjectTrack) -> Xml.Element:
    assert track.audio
    audio, length = track.audio, {"duration": track.audio.duration_s}
    content = _element(
        "Audio",
        _element("File", path=_audio_path(track)),
        channels=audio.channels,
        sampleRate=audio.sample_rate,
        **length,
    )
    clip = _element(
        "Clip", content, contentTimeUnit="seconds", time=audio.start_s, playStart=0.0, **length
    )
    clips = _element("Clips", clip, id=f"clips-{track.key}")
    return _element("Lanes", clips, track=f"track-{track.key}")


def _plugin(track: ProjectTrack, device: Device, ids: Ids) -> Xml.Element:
    plugin, parameters = device.plugin, []
    for knob in plugin.chain.knobs:
        value = torch.tensor(device.settings[knob.name], dtype=torch.float64)
        position = float(knob.to_position(value))
        parameter = _real("RealParameter", position, "normalized", ids, min=0, max=1)
        parameter.attrib |= {"name": knob.name, "parameterID": str(parameter_id(knob.name))}
        parameters.append(parameter)
    return _element(
        "Vst3Plugin",
        _element("Parameters", *parameters),
        _element("Enabled", value="true", id=next(ids)),
        _element("State", path=_state_path(track)),
        deviceID=plugin.uid,
        deviceName=plugin.name,
        deviceRole="audioFX",
        deviceVendor=VENDOR,
        loaded="true",
        id=next(ids),
        name=plugin.name,
        pluginVersion=plugin.version,
    )


def _builtin(device: Device, ids: Ids) -> Iterator[Xml.Element]:
    """Devices of the DAW, disabled."""
    filters = [_band(band, ids) for band in bands(device.plugin, device.settings)]
    if filters:
        yield _device("Equalizer", filters, ids)
    for settings in compressors(device.plugin, device.settings):
        yield _device("Compressor", [*_compressor(settings, ids)], ids)


def _device(kind: str, parts: list[Xml.Element], ids: Ids) -> Xml.Element:
    off = _element("Enabled", value="false", id=next(ids))
    return _element(kind, off, *parts, deviceName=kind, deviceRole="audioFX", id=next(ids))


def _band(band: Band, ids: Ids) -> Xml.Element:
    gain = [] if band.gain_db is None else [_real("Gain", band.gain_db, "decibel", ids)]
    return _element(
        "Band",
        _real("Freq", band.frequency_hz, "hertz", ids),
        *gain,
        _real("Q", band.q, "linear", ids),
        _element("Enabled", value="true", id=next(ids)),
        type=band.kind,
    )


def _compressor(settings: CompressorSettings, ids: Ids) -> Iterator[Xml.Element]:
    yield _real("Attack", settings.attack_ms / 1000, "seconds", ids)
    yield _element("AutoMakeup", value="false", id=next(ids))
    yield _real("OutputGain", settings.makeup_db, "decibel", ids)
    yield _real("Ratio", settings.ratio, "linear", ids)
    yield _real("Release", settings.release_ms / 1000, "seconds", ids)
    yield _real("Threshold", settings.threshold_db, "decibel", ids)


def _state_path(track: ProjectTrack) -> str:
    return f"plugins/{track.key}.vstpreset"


def _audio_path(track: ProjectTrack) -> str:
    assert track.audio
    path = track.audio.path
    return f"audio/{track.key}/{path.name if track.audio.gain == 1.0 else path.stem + '.wav'}"


def _with_gain(audio: Audio) -> bytes:
    """A file with a gain as WAV, in float32: it may exceed full scale."""
    file, buffer = AudioFile(audio.path), io.BytesIO()
    samples = audio.gain * file.read_samples(0, file.frames)
    soundfile.write(buffer, samples.T.numpy(), file.sample_rate, "FLOAT", format="WAV")
    return buffer.getvalue()


def _real(tag: str, value: float, unit: str, ids: Ids, **facts: float) -> Xml.Element:
    return _element(tag, value=repr(float(value)), unit=unit, id=next(ids), **facts)


def _element(tag: str, *children: Xml.Element, **attributes: object) -> Xml.Element:
    element = Xml.Element(tag, {name: str(value) for name, value in attributes.items()})
    element.extend(children)
    return element


def _text(root: Xml.Element) -> bytes:
    Xml.indent(root)
    return bytes(Xml.tostring(root, encoding="UTF-8", xml_declaration=True))
