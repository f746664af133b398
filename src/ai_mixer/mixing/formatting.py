"""Time as a player shows it."""


def format_time(seconds: float) -> str:
    """Minutes and seconds.

    >>> format_time(75.4)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
