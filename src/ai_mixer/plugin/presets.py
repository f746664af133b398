"""Presets of the plug-ins, written and read without a host: VST3, CLAP and LV2.

The state of VST3 and CLAP is the text of c/plugin_text.c. A `.vstpreset` has it as the chunk `Comp`
(VST 3 SDK, public.sdk/source/vst/vstpresetfile.h). An LV2 preset is a bundle in Turtle.
"""

import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ai_mixer.plugin import lv2
from ai_mixer.plugin.identity import BYPASS, Plugin, load_plugin

STATE_VERSION = 1
MAX_BYTES = 65_536  # of a state: STATE_BYTES of c/plugin.h
MAX_FILE_BYTES = 1 << 20
VST3_SUFFIX, CLAP_SUFFIX, LV2_SUFFIX = ".vstpreset", ".clap-state", ".lv2"
SUFFIXES = (VST3_SUFFIX, CLAP_SUFFIX, LV2_SUFFIX, ".ttl")
"""Names of files, and of a folder for LV2, that `read_preset` reads."""
_HEADER = struct.Struct("<4si32sq")  # "VST3", version, class, offset of the list
_ENTRY = struct.Struct("<4sqq")  # name, offset, size
_PORT = re.compile(r'lv2:symbol\s+"([^"]+)"\s*;\s*pset:value\s+([-+0-9.eE]+)')


class PluginSettings(NamedTuple):
    """Settings of a plug-in: knob → value in its unit, all knobs."""

    plugin: Plugin
    settings: dict[str, float]


def write_state(plugin: Plugin, settings: Mapping[str, float]) -> bytes:
    """The state of a plug-in, for VST3 and CLAP. Missing knobs are neutral."""
    lines = [f"ai_mixer {STATE_VERSION} {plugin.console}"]
    lines += [f"{k.name} {float(settings.get(k.name, k.neutral))!r}" for k in plugin.chain.knobs]
    return "".join(f"{line}\n" for line in [*lines, f"{BYPASS} 0"]).encode()


def write_vstpreset(plugin: Plugin, settings: Mapping[str, float]) -> bytes:
    """A preset file of VST3."""
    state = write_state(plugin, settings)
    header = _HEADER.pack(b"VST3", 1, plugin.uid.encode(), _HEADER.size + len(state))
    chunk = _ENTRY.pack(b"Comp", _HEADER.size, len(state))
    return header + state + b"List" + struct.pack("<i", 1) + chunk


def write_lv2_preset(plugin: Plugin, settings: Mapping[str, float], name: str) -> dict[str, str]:
    """A bundle with a preset of LV2: file name → text. name: for people."""
    uri = f"{plugin.uri}#preset-{lv2.symbol(name)}"
    plugins = [f"<{plugin.uri}{channels.suffix}>" for channels in lv2.CONFIGS]
    values = {k.name: float(settings.get(k.name, k.neutral)) for k in plugin.chain.knobs}
    ports = " ,\n\t".join(
        f"[ lv2:symbol {lv2.literal(lv2.symbol(label.name))} ; "
        f"pset:value {lv2.number(label.displayed(values[label.name]))} ]"
        for label in plugin.labels
    )
    kind = f"<{uri}> a pset:Preset ;\n\tlv2:appliesTo {' , '.join(plugins)} ;\n"
    return {
        "manifest.ttl": f"{lv2.prefixes()}{kind}\trdfs:seeAlso <preset.ttl> .\n",
        "preset.ttl": f"{lv2.prefixes()}{kind}\trdfs:label {lv2.literal(name)} ;\n"
        f"\tlv2:port {ports} .\n",
    }


def read_preset(path: Path) -> PluginSettings:
    """Read a preset that a DAW or `ai-mixer` wrote. ValueError or OSError (one line)."""
    if path.suffix.lower() == LV2_SUFFIX:
        path /= "preset.ttl"
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    try:
        if path.suffix.lower() == ".ttl":
            return _read_lv2(data.decode())
        is_vst3 = path.suffix.lower() == VST3_SUFFIX
        return read_state(_component_state(data) if is_vst3 else data)
    except (ValueError, struct.error) as error:
        reason = "it is damaged" if isinstance(error, UnicodeError | struct.error) else error
        raise ValueError(f"{path} is not a preset of an ai_mixer plug-in: {reason}") from error


def read_state(state: bytes) -> PluginSettings:
    """Read a state. Unknown knobs are left out, values out of range are set to the end.

    ValueError for anything else than a state.
    """
    if len(state) > MAX_BYTES or not state.endswith(b"\n"):
        raise ValueError("its state is damaged")
    first, *lines = state.decode().splitlines()
    match = re.fullmatch(r"ai_mixer (\d+) (\w+)", first)
    if not match:
        raise ValueError("its state is of another program")
    if int(match[1]) != STATE_VERSION:
        raise ValueError(f"its version is {match[1]}, this ai_mixer reads {STATE_VERSION}")
    values = dict(_line(line) for line in lines)
    return _settings(load_plugin(match[2]), values)


def _line(line: str) -> tuple[str, float]:
    name, _, value = line.partition(" ")
    if not re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?", value):
        raise ValueError(f"{line[:40]!r} is not a knob with its value")
    return name, float(value)


def _settings(plugin: Plugin, values: Mapping[str, float]) -> PluginSettings:
    return PluginSettings(
        plugin,
        {
            knob.name: min(max(values.get(knob.name, knob.neutral), knob.low), knob.high)
            for knob in plugin.chain.knobs
        },
    )


def _component_state(data: bytes) -> bytes:
    """The chunk `Comp` of a `.vstpreset`."""
    magic, _, _, at = _HEADER.unpack_from(data)
    if magic != b"VST3" or data[at : at + 4] != b"List":
        raise ValueError("it is no preset of VST3")
    (count,) = struct.unpack_from("<i", data, at + 4)
    for number in range(count):
        name, offset, size = _ENTRY.unpack_from(data, at + 8 + number * _ENTRY.size)
        if name == b"Comp":
            return _plugin_state(data[offset : offset + size])
    raise ValueError("it has no state")


def _plugin_state(chunk: bytes) -> bytes:
    """The state in a chunk, in which some hosts put bytes of their own around it."""
    start = chunk.find(b"ai_mixer ")
    if start < 0:
        raise ValueError("its state is of another program")
    return chunk[start : chunk.rfind(b"\n") + 1]


def _read_lv2(text: str) -> PluginSettings:
    applies = re.search(r"lv2:appliesTo\s+<urn:ai-mixer:(\w+)", text)
    if not applies:
        raise ValueError("it applies to another plug-in")
    plugin = load_plugin(applies[1])
    by_symbol = {lv2.symbol(label.name): label for label in plugin.labels}
    values = {
        by_symbol[symbol].name: by_symbol[symbol].from_displayed(float(value))
        for symbol, value in _PORT.findall(text)
        if symbol in by_symbol
    }
    return _settings(plugin, values)
