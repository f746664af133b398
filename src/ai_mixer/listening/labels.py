"""Names and numbers as a musician reads them."""

import re

CONDITION_LABELS = {
    "blind": "mixed by ear: heard the rough version only",
    "reference": "mixed towards a reference: another part of the finished version",
    "paired": "heard the finished version of this very part",
}


def readable_name(name: str) -> str:
    """A readable name.

    >>> readable_name("low_eq"), readable_name("total_gain_db"), readable_name("stereo_width")
    ('Low EQ', 'Total gain (dB)', 'Stereo width')
    """
    words = name.replace("_", " ").split()
    unit = words.pop() if len(words) > 1 and words[-1] in _UNITS else ""
    text = " ".join(word.upper() if word in _SHORT else word for word in words)
    return text[:1].upper() + text[1:] + (f" ({_UNITS[unit]})" if unit else "")


def format_setting(value: float, unit: str) -> str:
    """A knob's value with its unit.

    >>> format_setting(1.5, "dB"), format_setting(-0.04, "dB"), format_setting(1.12, "ratio")
    ('+1.5 dB', '0.0 dB', '× 1.12')
    >>> format_setting(2.5, ":1"), format_setting(0.12, "wet"), format_setting(3.0, "ms")
    ('2.5 : 1', '12 %', '3 ms')
    """
    match unit:
        case "dB":
            return format_db(value)
        case "ratio":
            return f"× {value:.2f}"
        case ":1":
            return f"{value:.1f} : 1"
        case "wet":
            return f"{100 * value:.0f} %"
    return f"{value:.3g} {unit}".strip()


def format_db(value: float) -> str:
    """A change of level, with its sign and a real minus."""
    rounded = round(value, 1) + 0.0
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):.1f} dB"


def format_number(value: float | str) -> str:
    """A figure to three digits, with a real minus.

    >>> format_number(0.12345), format_number(-14.0), format_number("-0.20"), format_number("12 songs")
    ('0.123', '−14.0', '−0.20', '12 songs')
    """
    text = value if isinstance(value, str) else f"{value:#.3g}".removesuffix(".")
    return re.sub(r"^-(?=\d)", "−", text)


_SHORT = {"eq", "stft", "lufs", "rms", "mae", "id"}
_UNITS = {"db": "dB", "lu": "LU", "lufs": "LUFS", "hz": "Hz", "ms": "ms", "s": "s"}
