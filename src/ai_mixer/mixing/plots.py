"""Plots of a song before and after, as inline SVG."""

import math
from collections.abc import Sequence

from ai_mixer.mixing.measurements import Measurements

WIDTH, HEIGHT, LEFT, BOTTOM = 720.0, 220.0, 44.0, 24.0
FREQUENCY_TICKS_HZ = {100.0: "100 Hz", 1000.0: "1 kHz", 10_000.0: "10 kHz"}
SPAN_DB = 60.0
MIDDLE = 'text-anchor="middle"'

Points = Sequence[tuple[float, float]]


def spectra_svg(before: Measurements, after: Measurements) -> str:
    """Plot third-octave levels over frequency."""
    curves = [list(zip(f.spectrum_hz, f.spectrum_db, strict=True)) for f in (before, after)]
    top = math.ceil(max(db for curve in curves for _, db in curve) / 10) * 10
    low, high = math.log(before.spectrum_hz[0]), math.log(before.spectrum_hz[-1])

    def position(hz: float) -> float:
        return (math.log(hz) - low) / (high - low)

    ticks = {position(hz): text for hz, text in FREQUENCY_TICKS_HZ.items() if position(hz) < 1}
    points = [[(position(hz), db) for hz, db in curve] for curve in curves]
    return _svg(points, top - SPAN_DB, top, "dB", ticks)


def loudness_svg(before: Measurements, after: Measurements) -> str:
    """Plot short-term loudness over time."""
    curves = [f.short_term_lufs for f in (before, after)]
    top = math.ceil(max(max(curve) for curve in curves) / 6) * 6 + 0.0
    points = [
        [(n / max(1, len(curve) - 1), lufs) for n, lufs in enumerate(curve)] for curve in curves
    ]
    minutes = before.duration_s / 60
    step = max(1, round(minutes / 8))
    labelled = range(step, math.ceil(0.96 * minutes), step)  # not at the right edge: no space
    ticks = {minute / minutes: f"{minute} min" for minute in labelled}
    return _svg(points, max(top - 36.0, -70.0), max(top, -34.0), "LUFS", ticks)


def _svg(
    curves: Sequence[Points], low: float, high: float, unit: str, ticks: dict[float, str]
) -> str:
    """curves: points (share of the width, value); first before, then after. ticks: share → text."""

    def x(share: float) -> float:
        return LEFT + share * (WIDTH - LEFT - 8)

    def y(value: float) -> float:
        return 8 + (high - min(max(value, low), high)) / (high - low) * (HEIGHT - BOTTOM - 8)

    parts = []
    for step in range(4):
        value = low + (high - low) * step / 3
        parts.append(
            f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - 8}" stroke="#8884"/>'
            f'<text x="0" y="{y(value) + 4:.1f}">{value:.0f}</text>'
        )
    parts.append(f'<text x="{LEFT + 4}" y="20">{unit}</text>')
    for share, text in ticks.items():
        parts.append(f'<text x="{x(share):.1f}" y="{HEIGHT - 6}" {MIDDLE}>{text}</text>')
    for curve, name in zip(curves, ("before", "after"), strict=True):
        line = " ".join(f"{x(share):.1f},{y(value):.1f}" for share, value in curve)
        parts.append(
            f'<polyline class="{name}" points="{line}" fill="none" stroke-width="2" '
            f'stroke-linejoin="round"><title>{name}</title></polyline>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" font-size="12" fill="currentColor" '
        f'role="img">{"".join(parts)}</svg>'
    )
