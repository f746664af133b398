"""Formatting of times and of negative numbers."""

import re


def format_time(seconds: float) -> str:
    """Format a time as minutes and seconds.

    >>> format_time(75.4)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def with_minus(text: str) -> str:
    """A text of numbers with the minus sign in place of hyphens. Not for names of files.

    >>> with_minus("-14.0 LUFS, +1.0 to -2.5 dB"), with_minus("mid-2")
    ('−14.0 LUFS, +1.0 to −2.5 dB', 'mid-2')
    """
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)
