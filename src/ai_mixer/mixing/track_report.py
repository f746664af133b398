"""HTML report of a mix of several tracks: the desk, its settings, and what was measured."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ai_mixer.console import ConsoleGraph
from ai_mixer.console.frequency_response import response_db
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.knob import Knob
from ai_mixer.metrics.track_skill import FADER, PAN
from ai_mixer.mixing.formatting import with_minus
from ai_mixer.mixing.report import CSS

if TYPE_CHECKING:
    from ai_mixer.mixing.track_mix import TrackMixResult

STRIP_WIDTH, FADER_HEIGHT = 64, 150
NAME_HEIGHT = 4.5  # per character of a slanted name
LOWEST_DB, HIGHEST_DB = -24.0, 12.0
EQ_GAINS = ("low_shelf_db", "peak1_db", "peak2_db", "high_shelf_db")
CURVE_RATE, CURVE_DB, CURVE_POINTS = 48_000, 12.0, 96  # of the EQ curves
CURVE_WIDTH, CURVE_HEIGHT = 640, 200


def to_html(result: "TrackMixResult", console: ConsoleGraph, knobs: GraphKnobs) -> str:
    """Return the report as HTML. knobs: of the tracks of the settings, in their order."""
    tracks = result.settings["tracks"]
    title = f"{len(result.settings['tracks'])} tracks → {result.output.name}"
    measured = result.measurements
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p class=note>{escape(note)}</p>" for note in result.notes),
        with_minus(
            f"<p>{measured.loudness_lufs:.1f} LUFS, true peak {measured.true_peak_db:.1f} dBTP</p>"
        ),
        "<h2>Faders and pan</h2>",
        desk_svg(tracks),
        "<h2>Equaliser</h2>",
        eq_svg(tracks, eq_curves_db(console, knobs)),
        "<h2>Settings</h2>",
        _table(result, console.layout.strip),
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{CSS}</style><body>{''.join(parts)}</body></html>\n"
    )


def desk_svg(tracks: Sequence[Mapping[str, Any]]) -> str:
    """Faders from −24 to +12 dB relative to equal loudness, and pan below each."""
    parts = []
    longest = max((len(str(track.get("name", ""))) for track in tracks), default=0)
    top = round(36 + NAME_HEIGHT * longest)
    bottom = top + FADER_HEIGHT
    for number, track in enumerate(tracks):
        x = number * STRIP_WIDTH + STRIP_WIDTH / 2
        level_db, pan = float(track[FADER]), float(track[PAN])
        share = (min(max(level_db, LOWEST_DB), HIGHEST_DB) - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)
        y = top + (1.0 - share) * FADER_HEIGHT
        name = escape(str(track.get("name", number + 1)))
        level = with_minus(f"{level_db:+.1f} dB")
        parts.append(
            f"<g><title>{name}: {level}, pan {with_minus(f'{pan:+.2f}')}</title>"
            f"<line x1={x} y1={top} x2={x} y2={bottom} stroke='#999' stroke-width=3 />"
            f"<rect x={x - 12} y={y - 5:.1f} width=24 height=10 fill='#c60' rx=2 />"
            f"<line x1={x - 20} y1={bottom + 18} x2={x + 20} y2={bottom + 18} stroke='#999' />"
            f"<circle cx={x + 20 * pan:.1f} cy={bottom + 18} r=4 fill='#c60' />"
            f"<text x={x} y={top - 18} font-size=10 fill=currentColor "
            f"transform='rotate(-45 {x} {top - 18})'>{name}</text>"
            f"<text x={x} y={top - 6} font-size=9 text-anchor=middle fill=currentColor>"
            f"{level}</text></g>"
        )
    width = round(max(1, len(tracks)) * STRIP_WIDTH + NAME_HEIGHT * longest)
    return f"<svg viewBox='0 0 {width} {bottom + 30}' role=img>{''.join(parts)}</svg>"


def eq_curves_db(console: ConsoleGraph, knobs: GraphKnobs) -> Tensor:
    """Gain of low cut and EQ of each strip from 20 Hz to 20 kHz, [N, CURVE_POINTS] dB."""
    strip = console.strip
    positions = knobs.strips[0, :, : len(strip.knobs)].clamp(0.0, 1.0)
    is_eq = [
        name == "low_cut_hz" or name.startswith(tuple(gain[:-3] for gain in EQ_GAINS))
        for name in strip.names
    ]
    positions = torch.where(torch.tensor(is_eq), positions, strip.neutral.to(positions))
    frequencies = torch.logspace(math.log10(20.0), math.log10(20_000.0), CURVE_POINTS)
    return response_db(strip, positions, frequencies, CURVE_RATE)[:, 0]


def eq_svg(tracks: Sequence[Mapping[str, Any]], curves_db: Tensor) -> str:
    """Curves of the tracks whose EQ does something, ±12 dB, with a legend."""
    audible = (curves_db.abs().amax(1) > 0.1).tolist()
    lines, legend = [], []
    for number, (track, curve) in enumerate(zip(tracks, curves_db.tolist(), strict=True)):
        if not audible[number]:
            continue
        name = escape(str(track.get("name", number + 1)))
        colour = f"hsl({round(360 * number / len(tracks))} 60% 50%)"
        levels = [min(max(level, -CURVE_DB), CURVE_DB) / CURVE_DB for level in curve]
        points = " ".join(
            f"{CURVE_WIDTH * n / (CURVE_POINTS - 1):.1f},{CURVE_HEIGHT / 2 * (1 - level):.1f}"
            for n, level in enumerate(levels)
        )
        lines.append(
            f"<polyline points='{points}' fill=none stroke='{colour}' stroke-width=2>"
            f"<title>{name}</title></polyline>"
        )
        legend.append(f"<span style='color:{colour}'>{name}</span>")
    if not lines:
        return "<p>No track is equalised.</p>"
    for hertz, label in ((100, "100 Hz"), (1000, "1 kHz"), (10_000, "10 kHz")):
        x = CURVE_WIDTH * math.log10(hertz / 20) / 3
        lines.append(f"<text x={x:.0f} y={CURVE_HEIGHT - 4} font-size=10 fill=#888>{label}</text>")
    zero = CURVE_HEIGHT / 2
    axis = f"<line x1=0 y1={zero} x2={CURVE_WIDTH} y2={zero} stroke=#999 />"
    box = f"0 0 {CURVE_WIDTH} {CURVE_HEIGHT}"
    return f"<svg viewBox='{box}' role=img>{axis}{''.join(lines)}</svg><p>{', '.join(legend)}</p>"


def _table(result: "TrackMixResult", knobs: Sequence[Knob]) -> str:
    """A row per track with the knobs that are not neutral."""
    rows = []
    for track in result.settings["tracks"]:
        changed = [
            f"{knob.name} {with_minus(f'{track[knob.name]:.3g}')}"
            for knob in knobs
            if abs(float(track[knob.name]) - knob.neutral) > 1e-3 * (knob.high - knob.low)
        ]
        name = str(track.get("name", ""))
        start = f"{result.starts_s.get(name, 0.0):.3f} s"
        cells = (name, str(track.get("role", "")), start, ", ".join(changed))
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "<tr><th>track</th><th>role</th><th>start</th><th>changed</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"
