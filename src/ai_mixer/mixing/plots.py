"""Plots of a song before and after, as inline SVG."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.plain_words import change_db

WIDTH, HEIGHT, LEFT, BOTTOM = 720.0, 200.0, 44.0, 24.0
FREQUENCY_TICKS_HZ = {100.0: "100 Hz", 1000.0: "1 kHz", 10_000.0: "10 kHz"}
CHANGE_LIMIT_DB = 12.0
CHANGE_GRID_DB = (-12.0, -6.0, -3.0, 0.0, 3.0, 6.0, 12.0)
LIMITER_SPAN_DB = 20.0  # gain reduction as high as the plot; it hangs from the top
MIDDLE = 'text-anchor="middle"'

Points = Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """Vertical axis: its ends, the values with a line, their unit."""

    low: float
    high: float
    grid: Sequence[float]
    unit: str

    def y(self, value: float) -> float:
        """Vertical place of a value, within the plot."""
        inside = min(max(value, self.low), self.high)
        return 8 + (self.high - inside) / (self.high - self.low) * (HEIGHT - BOTTOM - 8)


def change_svg(before: Measurements, after: Measurements) -> str:
    """Plot the change of the spectrum at equal loudness, ±12 dB, over frequency."""
    low, high = math.log(before.spectrum_hz[0]), math.log(before.spectrum_hz[-1])

    def position(hz: float) -> float:
        return (math.log(hz) - low) / (high - low)

    ticks = {position(hz): text for hz, text in FREQUENCY_TICKS_HZ.items() if position(hz) < 1}
    pairs = zip(before.spectrum_hz, change_db(before, after), strict=False)
    curve = [(position(hz), db) for hz, db in pairs if db is not None]
    axis = Axis(-CHANGE_LIMIT_DB, CHANGE_LIMIT_DB, CHANGE_GRID_DB, "dB")
    return _svg([("change", curve)], axis, ticks, "change of the spectrum", signed=True)


def loudness_svg(
    before: Measurements, after: Measurements, reduction_db: Sequence[float] = ()
) -> str:
    """Plot short-term loudness over time; gain reductions of the limiter hang from the top."""
    curves = [f.short_term_lufs for f in (before, after)]
    top = math.ceil((max(max(curve) for curve in curves) + 3.0) / 6) * 6 + 0.0
    lowest = min(min(curve) for curve in curves)
    span = min(36.0, max(18.0, 6.0 * math.ceil((top - lowest) / 6 + 0.5)))
    points = [
        (name, [(n / max(1, len(curve) - 1), lufs) for n, lufs in enumerate(curve)])
        for name, curve in zip(("before", "after"), curves, strict=True)
    ]
    minutes = before.duration_s / 60
    step = max(1, round(minutes / 8))
    labelled = range(step, math.ceil(0.96 * minutes), step)  # not at the right edge: no space
    ticks = {minute / minutes: f"{minute} min" for minute in labelled}
    if not ticks:
        half = round(before.duration_s / 2)
        ticks = {half / before.duration_s: f"{half} s"} if half else {}
    low, high = max(top - span, -70.0), max(top, span - 70.0)
    axis = Axis(low, high, [low + (high - low) * n / 3 for n in range(4)], "LUFS")
    return _svg(points, axis, ticks, "loudness over time", _reduction(reduction_db, axis))


def _reduction(reduction_db: Sequence[float], axis: Axis) -> str:
    if not any(reduction_db):
        return ""
    span = axis.high - axis.low
    places = [
        (_x(n / max(1, len(reduction_db) - 1)), axis.y(axis.high - db / LIMITER_SPAN_DB * span))
        for n, db in enumerate(reduction_db)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    top = axis.y(axis.high)
    return (
        f'<polygon class="limiter" fill-opacity=".55" points="{_x(0):.1f},{top:.1f} {line} '
        f'{_x(1):.1f},{top:.1f}"><title>limiter, up to {max(reduction_db):.1f} dB</title></polygon>'
        f'<text x="{WIDTH - 12}" y="{axis.y(axis.low) - 6:.1f}" text-anchor="end">'
        f"limiter −{max(reduction_db):.1f} dB</text>"
    )


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - 8)


def _svg(
    curves: Sequence[tuple[str, Points]],
    axis: Axis,
    ticks: dict[float, str],
    title: str,
    under: str = "",
    signed: bool = False,
) -> str:
    """curves: class and points (share of the width, value). ticks: share of the width → text."""
    parts = []
    for value in axis.grid:
        text = f"{value:+.0f}" if signed and value else f"{value:.0f}"
        text = text.replace("-", "−")
        stroke = "#888" if signed and value == 0 else "#8884"
        parts.append(
            f'<path d="M{LEFT} {axis.y(value):.1f}H{WIDTH - 8}" stroke="{stroke}"/>'
            f'<text x="0" y="{axis.y(value) + 4:.1f}">{text}</text>'
        )
    parts.append(f'<text x="{LEFT + 4}" y="20">{axis.unit}</text>')
    for share, text in ticks.items():
        parts.append(f'<text x="{_x(share):.1f}" y="{HEIGHT - 6}" {MIDDLE}>{text}</text>')
    parts.append(under)
    for name, curve in curves:
        line = " ".join(f"{_x(share):.1f},{axis.y(value):.1f}" for share, value in curve)
        parts.append(
            f'<polyline class="{name}" points="{line}" fill="none" stroke-width="2.5" '
            f'stroke-linejoin="round"><title>{name}</title></polyline>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" font-size="12" fill="currentColor" '
        f'role="img" aria-label="{title}">{"".join(parts)}</svg>'
    )
