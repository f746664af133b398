"""Description of an LV2 bundle in Turtle: a plug-in per channel configuration (c/lv2.c)."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ai_mixer.core.knob import Knob
from ai_mixer.plugin.identity import URL, Plugin
from ai_mixer.plugin.labels import Label

MAX_LATENCY = 65_536  # samples
PREFIXES = {
    "doap": "http://usefulinc.com/ns/doap#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "lv2": "http://lv2plug.in/ns/lv2core#",
    "pg": "http://lv2plug.in/ns/ext/port-groups#",
    "pprops": "http://lv2plug.in/ns/ext/port-props#",
    "pset": "http://lv2plug.in/ns/ext/presets#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "units": "http://lv2plug.in/ns/extensions/units#",
}
_PROJECT = "urn:ai-mixer"
_UNITS = {"dB": "db", "dBFS": "db", "Hz": "hz", "ms": "ms", "s": "s"}


class Channels(NamedTuple):
    """A channel configuration: the end of its URI and of its name, and its numbers of channels."""

    suffix: str
    title: str
    inputs: int
    outputs: int


CONFIGS = (
    Channels("", "", 2, 2),
    Channels(":mono", " (mono)", 1, 1),
    Channels(":mono-to-stereo", " (mono to stereo)", 1, 2),
)
"""As in c/plugin.c."""


def prefixes() -> str:
    """Lines with the prefixes that all files use."""
    return "".join(f"@prefix {name}: <{uri}> .\n" for name, uri in PREFIXES.items()) + "\n"


def manifest(plugin: Plugin, binary: str, description: str) -> str:
    """`manifest.ttl`: which plug-ins there are, and where."""
    entries = (
        f"<{plugin.uri}{channels.suffix}> a lv2:Plugin ;\n"
        f"\tlv2:binary <{binary}> ;\n\trdfs:seeAlso <{description}> .\n"
        for channels in CONFIGS
    )
    return prefixes() + "\n".join(entries)


def description(plugin: Plugin) -> str:
    """The plug-ins with their ports."""
    groups = (
        f"<{_group_uri(plugin, group)}> a pg:InputGroup ;\n"
        f"\tlv2:name {literal(group)} ;\n\tlv2:symbol {literal(symbol(group))} .\n"
        for group in plugin.groups
    )
    project = (
        f'<{_PROJECT}> a doap:Project ;\n\tdoap:name "ai_mixer" ;\n\tdoap:homepage <{URL}> ;\n'
        '\tdoap:maintainer [ foaf:name "ai_mixer" ] .\n'
    )
    plugins = (_plugin(plugin, channels) for channels in CONFIGS)
    return prefixes() + "\n".join([project, *groups, *plugins])


def _plugin(plugin: Plugin, channels: Channels) -> str:
    ports = " ,\n\t".join(_ports(plugin, channels))
    minor, micro = _versions(plugin.version)
    return (
        f"<{plugin.uri}{channels.suffix}> a lv2:Plugin , lv2:MixerPlugin ;\n"
        f"\tdoap:name {literal(plugin.name + channels.title)} ;\n"
        "\tdoap:license <https://www.apache.org/licenses/LICENSE-2.0> ;\n"
        f"\tlv2:project <{_PROJECT}> ;\n"
        f"\tlv2:minorVersion {minor} ; lv2:microVersion {micro} ;\n"
        "\tlv2:optionalFeature lv2:hardRTCapable ;\n"
        f"\tlv2:port {ports} .\n"
    )


def _versions(version: str) -> tuple[int, int]:
    """Version "1.2.3" in two numbers that hosts compare; a minor version 0 means unstable."""
    major, minor, micro = (int(digits) for digits in re.findall(r"\d+", f"{version}.0.0")[:3])
    return 2 * major + 2, 100 * minor + micro


def _ports(plugin: Plugin, channels: Channels) -> Iterator[str]:
    index = 0
    for kind, count in (("Input", channels.inputs), ("Output", channels.outputs)):
        for channel in range(count):
            side = ("left", "right")[channel] if count == 2 else "mono"
            yield _port(
                index,
                f"lv2:{kind}Port , lv2:AudioPort",
                f"{kind.lower()}_{side}",
                f"{kind} {side}",
            )
            index += 1
    yield _port(
        index,
        "lv2:OutputPort , lv2:ControlPort",
        "latency",
        "Latency",
        "lv2:designation lv2:latency",
        "lv2:portProperty lv2:reportsLatency , lv2:integer , pprops:notOnGUI",
        f"lv2:default 0 ; lv2:minimum 0 ; lv2:maximum {MAX_LATENCY}",
        "units:unit units:frame",
    )
    yield _port(
        index + 1,
        "lv2:InputPort , lv2:ControlPort",
        "enabled",
        "Enabled",
        "lv2:designation lv2:enabled",
        "lv2:portProperty lv2:toggled , lv2:integer",
        "lv2:default 1 ; lv2:minimum 0 ; lv2:maximum 1",
    )
    for number, (knob, label) in enumerate(zip(plugin.chain.knobs, plugin.labels, strict=True)):
        yield _knob_port(plugin, index + 2 + number, knob, label)


def _knob_port(plugin: Plugin, index: int, knob: Knob, label: Label) -> str:
    low, high, neutral = map(label.displayed, (knob.low, knob.high, knob.neutral))
    facts = [
        f"lv2:default {number(neutral)} ; lv2:minimum {number(low)} ; lv2:maximum {number(high)}",
        f"units:unit units:{_unit(knob, label)}",
    ]
    if knob.scale == "log" and label.display != "decibels":
        facts.append("lv2:portProperty pprops:logarithmic")
    if label.group:
        facts.append(f"pg:group <{_group_uri(plugin, label.group)}>")
    kind = "lv2:InputPort , lv2:ControlPort"
    return _port(index, kind, symbol(knob.name), label.title, *facts)


def _unit(knob: Knob, label: Label) -> str:
    shown = {"decibels": "db", "percent": "pc"}
    return shown.get(label.display, _UNITS.get(knob.unit, "coef"))


def _port(index: int, kind: str, port_symbol: str, title: str, *facts: str) -> str:
    lines = [
        f"a {kind}",
        f"lv2:index {index} ; lv2:symbol {literal(port_symbol)} ; lv2:name {literal(title)}",
        *facts,
    ]
    return "[\n\t\t" + " ;\n\t\t".join(lines) + "\n\t]"


def _group_uri(plugin: Plugin, group: str) -> str:
    return f"{plugin.uri}#{symbol(group)}"


def symbol(name: str) -> str:
    """Symbol of LV2: letters, digits and _, not a digit first."""
    text = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).lower()
    return f"_{text}" if text[:1].isdigit() else text


def number(value: float) -> str:
    """A decimal of Turtle, exact."""
    text = f"{value:.17g}" if float(f"{value:.10g}") != value else f"{value:.10g}"
    return text if any(c in text for c in ".e") else f"{text}.0"


def literal(text: str) -> str:
    """A string of Turtle."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
