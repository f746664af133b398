"""Names, groups and units of knobs as a host shows them."""

import math
import re
from typing import NamedTuple

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.core.knob import Knob
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.gain import Gain
from ai_mixer.effects.peak import Presence

DISPLAYS = ("unit", "decibels", "percent")
_UNIT_SUFFIXES = {"_db": "gain", "_hz": "frequency", "_ms": "", "_s": ""}
_UPPER = {"eq": "EQ", "q": "Q"}


class Label(NamedTuple):
    """A knob for people.

    name: of the knob, in states and presets. group: "" if its effect has one knob. display: how its
    value is shown, of DISPLAYS: with its unit, an amplitude ratio in dB, or a share in percent.
    """

    name: str
    title: str
    group: str
    display: str

    def displayed(self, value: float) -> float:
        """A value in the unit that people see, as `plugin_displayed` of c/plugin_text.c."""
        if self.display == "decibels":
            return 20.0 * math.log10(value)
        return 100.0 * value if self.display == "percent" else value

    def from_displayed(self, displayed: float) -> float:
        """The inverse of `displayed`."""
        if self.display == "decibels":
            return float(10.0 ** (displayed / 20.0))
        return displayed / 100.0 if self.display == "percent" else displayed


def labels(console: EffectChain) -> list[Label]:
    """Labels of all knobs, in their order."""
    found = []
    for (effect, columns), name in zip(
        console.effects_with_columns(), console.effects, strict=True
    ):
        knobs = [console.knobs[column] for column in columns.values()]
        for knob in knobs:
            group = _words(name) if len(knobs) > 1 else ""
            title = _title(knob.name, name, len(knobs))
            found.append(Label(knob.name, title, group, _display(knob, effect)))
    return found


def _title(knob: str, effect: str, knobs: int) -> str:
    """Name for people: Low shelf frequency for low_shelf_hz; Trim for trim_db, its only knob."""
    for suffix, quantity in _UNIT_SUFFIXES.items():
        if knob.endswith(suffix):
            knob = knob.removesuffix(suffix)
            return _words(f"{knob}_{quantity}" if knobs > 1 and knob == effect else knob)
    return _words(knob)


def _words(name: str) -> str:
    separate = re.sub(r"(?<=[a-z])(?=\d)", "_", name)
    words = [_UPPER.get(word, word) for word in separate.split("_") if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _display(knob: Knob, effect: Effect) -> str:
    if knob.unit == "ratio" and isinstance(effect, Gain | Presence):
        return "decibels"
    return "percent" if knob.unit in {"ratio", "wet", "share"} else "unit"
