"""HTML report of a mix of several tracks: the desk, its settings, and what was measured."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ai_mixer.core.types import Knob
from ai_mixer.metrics.track_skill import FADER, PAN
from ai_mixer.mixing.formatting import with_minus
from ai_mixer.mixing.report import CSS

if TYPE_CHECKING:
    from ai_mixer.mixing.track_mix import TrackMixResult

STRIP_WIDTH, HEIGHT, TOP = 64, 190, 40
LOWEST_DB, HIGHEST_DB = -24.0, 12.0


def to_html(result: "TrackMixResult", knobs: Sequence[Knob]) -> str:
    """Return the report as HTML. knobs: of a strip."""
    title = f"{len(result.settings['tracks'])} tracks → {result.output.name}"
    measured = result.measurements
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p class=note>{escape(note)}</p>" for note in result.notes),
        with_minus(
            f"<p>{measured.loudness_lufs:.1f} LUFS, true peak {measured.true_peak_db:.1f} dBTP</p>"
        ),
        "<h2>Faders and pan</h2>",
        desk_svg(result.settings["tracks"]),
        "<h2>Settings</h2>",
        _table(result, knobs),
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{CSS}</style><body>{''.join(parts)}</body></html>\n"
    )


def desk_svg(tracks: Sequence[Mapping[str, Any]]) -> str:
    """Faders from −24 to +12 dB relative to equal loudness, and pan below each."""
    parts = []
    for number, track in enumerate(tracks):
        x = number * STRIP_WIDTH + STRIP_WIDTH / 2
        level_db, pan = float(track[FADER]), float(track[PAN])
        share = (min(max(level_db, LOWEST_DB), HIGHEST_DB) - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)
        y = TOP + (1.0 - share) * (HEIGHT - TOP)
        name = escape(str(track.get("name", number + 1)))
        level = with_minus(f"{level_db:+.1f} dB")
        parts.append(
            f"<g><title>{name}: {level}, pan {with_minus(f'{pan:+.2f}')}</title>"
            f"<line x1={x} y1={TOP} x2={x} y2={HEIGHT} stroke='#999' stroke-width=3 />"
            f"<rect x={x - 12} y={y - 5:.1f} width=24 height=10 fill='#c60' rx=2 />"
            f"<line x1={x - 20} y1={HEIGHT + 18} x2={x + 20} y2={HEIGHT + 18} stroke='#999' />"
            f"<circle cx={x + 20 * pan:.1f} cy={HEIGHT + 18} r=4 fill='#c60' />"
            f"<text x={x} y={TOP - 18} font-size=10 text-anchor=middle fill=currentColor>"
            f"{name[:10]}</text>"
            f"<text x={x} y={TOP - 6} font-size=9 text-anchor=middle fill=currentColor>"
            f"{level}</text></g>"
        )
    width = max(1, len(tracks)) * STRIP_WIDTH
    return f"<svg viewBox='0 0 {width} {HEIGHT + 30}' role=img>{''.join(parts)}</svg>"


def _table(result: "TrackMixResult", knobs: Sequence[Knob]) -> str:
    """A row per track with the knobs that are not neutral."""
    rows = []
    for track in result.settings["tracks"]:
        changed = [
            f"{knob.name} {with_minus(f'{track[knob.name]:.3g}')}"
            for knob in knobs
            if abs(float(track[knob.name]) - knob.neutral) > 1e-3 * (knob.high - knob.low)
        ]
        cells = (str(track.get("name", "")), str(track.get("role", "")), ", ".join(changed))
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "<tr><th>track</th><th>role</th><th>changed</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"
