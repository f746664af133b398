"""Formatting of times."""


def format_time(seconds: float) -> str:
    """Format a time as minutes and seconds.

    >>> format_time(75.4)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
