"""Settings as people write them: `+2dB`, `3 kHz`, `10 % wider`, and names as reports give them."""

from collections.abc import Callable, Mapping

from ai_mixer.core.knob import Knob
from ai_mixer.mixing.descriptions import KNOB_LABELS

CONVERSIONS: dict[tuple[str, str], Callable[[float], float]] = {
    **{("ratio", unit): lambda value: value for unit in ("x", "×")},
    ("ratio", "db"): lambda value: 10.0 ** (value / 20.0),
    **{("ratio", unit): lambda value: 1.0 + value / 100.0 for unit in ("%", "% wider")},
    ("ratio", "% narrower"): lambda value: 1.0 - value / 100.0,
    ("share", "%"): lambda value: value / 100.0,
    ("dbfs", "db"): lambda value: value,
    ("hz", "khz"): lambda value: 1000.0 * value,
    ("ms", "s"): lambda value: 1000.0 * value,
}
"""Unit of a knob and another one → the value in that of the knob."""


def knob_value(knob: Knob, value: float, unit: str) -> float:
    """A value in the unit of the knob. ValueError (one line) for a unit that it does not have.

    >>> presence = Knob("presence", "ratio", 0.5, 2.0, "log", 1.0)
    >>> round(knob_value(presence, 6.0206, "dB"), 3), knob_value(presence, 10.0, "% wider")
    (2.0, 1.1)
    """
    given, own = " ".join(unit.casefold().replace("%", "% ").split()), knob.unit.casefold()
    if given in ("", own):
        return value
    if (own, given) in CONVERSIONS:
        return CONVERSIONS[own, given](value)
    known = [unit for other, unit in CONVERSIONS if other == own]
    raise ValueError(f"{knob.name}={value:g} {unit}: its unit is {', '.join([knob.unit, *known])}")


def knob_name(name: str, knobs: Mapping[str, Knob]) -> str:
    """The knob that a name means: its own, its label, or the label without what is in brackets.

    An unknown name is returned as it is.

    >>> from ai_mixer import load_console
    >>> knobs = {knob.name: knob for knob in load_console().knobs}
    >>> [knob_name(name, knobs) for name in ("treble", "stereo width", "Bass (below 120 Hz)")]
    ['high_eq', 'stereo_width', 'low_eq']
    """
    if name in knobs:
        return name
    wanted = " ".join(name.casefold().replace("_", " ").split())
    found = {knob for knob in knobs if wanted in _labels(knob)}
    return found.pop() if len(found) == 1 else name


def _labels(knob: str) -> set[str]:
    label = KNOB_LABELS.get(knob, knob).casefold()
    return {knob.replace("_", " "), label, label.partition(" (")[0]}
