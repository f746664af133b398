"""Readable names and formatted numbers for the page."""

import re

from ai_mixer.core.units import SILENCE_DB

CONDITION_LABELS = {
    "blind": "blind: the model had the rough version only",
    "reference": "reference: the model also had another excerpt of the finished version",
    "paired": "paired: the model also had the finished version of this excerpt",
}


def readable_name(name: str) -> str:
    """Convert a name to a label with its unit.

    >>> readable_name("low_eq"), readable_name("total_gain_db"), readable_name("stereo_width")
    ('Low EQ', 'Total gain (dB)', 'Stereo width')
    """
    words = name.replace("_", " ").split()
    unit = words.pop() if len(words) > 1 and words[-1] in _UNITS else ""
    text = " ".join(word.upper() if word in _SHORT else word for word in words)
    return text[:1].upper() + text[1:] + (f" ({_UNITS[unit]})" if unit else "")


def setting_name(name: str) -> str:
    """Convert the name of a knob to a label without its unit, which is shown with its value.

    >>> setting_name("fader_db"), setting_name("track 2 (bass): fader_db")
    ('Fader', 'Track 2 (bass): fader')
    """
    label = readable_name(name)
    for unit in _UNITS.values():
        label = label.removesuffix(f" ({unit})")
    return label


def format_setting(value: float, unit: str) -> str:
    """Format a knob's value with its unit.

    >>> format_setting(1.5, "dB"), format_setting(-0.04, "dB"), format_setting(1.12, "ratio")
    ('+1.5 dB', '0.0 dB', '× 1.12')
    >>> format_setting(2.5, ":1"), format_setting(0.12, "wet"), format_setting(3.0, "ms")
    ('2.5 : 1', '12 %', '3 ms')
    >>> format_setting(1438.0, "Hz"), format_setting(-0.5, "share")
    ('1440 Hz', '−50 %')
    """
    match unit:
        case "dB":
            return format_db(value)
        case "ratio":
            return f"× {value:.2f}"
        case ":1":
            return f"{value:.1f} : 1"
        case "wet" | "share":
            return format_number(f"{100 * value:.0f} %")
    return format_number(f"{float(f'{value:.3g}'):g} {unit}".strip())


def format_db(value: float) -> str:
    """Format a change of level in dB, with its sign and a real minus."""
    rounded = round(value, 1) + 0.0
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):.1f} dB"


def format_lufs(value: float) -> str:
    """Format a loudness.

    >>> format_lufs(-14.02), format_lufs(float("-inf"))
    ('−14.0 LUFS', 'silent')
    """
    return f"{format_number(round(value, 1))} LUFS" if value > SILENCE_DB else "silent"


def format_number(value: float | str) -> str:
    """Format a number with three digits and a real minus.

    >>> [format_number(value) for value in (0.12345, -14.0, "-0.20", "12 songs")]
    ['0.123', '−14.0', '−0.20', '12 songs']
    """
    text = value if isinstance(value, str) else f"{value:#.3g}".removesuffix(".")
    return re.sub(r"^-(?=\d)", "−", text)


_SHORT = {"eq", "stft", "lufs", "rms", "mae", "id"}
_UNITS = {"db": "dB", "lu": "LU", "lufs": "LUFS", "hz": "Hz", "ms": "ms", "s": "s"}
