"""Levels of the songs of an album, and one page about all of them."""

from collections.abc import Sequence
from html import escape
from os.path import relpath
from pathlib import Path

from ai_mixer.mixing import descriptions
from ai_mixer.mixing.formatting import with_minus
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.report import CSS, table

MODES = {
    "keep": "the loudest song reaches the target, the others stay as much quieter as they came",
    "even": "all songs have the same loudness",
}
DEFAULT_TARGET_LUFS = -14.0
TOLERANCE_LU = 0.2
PAGE = "album.html"


def album_targets_lufs(
    before: Sequence[Measurements], mode: str, target_lufs: float | None = None
) -> list[float | None]:
    """Loudness of each song; None for one that is silent.

    mode: a key of MODES. target_lufs: of the loudest song, or of all; default −14 LUFS, and to keep
    the levels not less than the loudest song has. ValueError for another mode.
    """
    if mode not in MODES:
        raise ValueError(f"--album {mode}: there is {', '.join(MODES)}")
    loudest = max((m.loudness_lufs for m in before if not m.silent), default=0.0)
    if target_lufs is None:
        target_lufs = DEFAULT_TARGET_LUFS if mode == "even" else max(DEFAULT_TARGET_LUFS, loudest)
    offset = target_lufs - loudest
    return [
        None if m.silent else target_lufs if mode == "even" else round(m.loudness_lufs + offset, 2)
        for m in before
    ]


def album_notes(results: Sequence[MixResult]) -> list[str]:
    """Songs that are below their place in the album."""
    notes = []
    for result in results:
        target = result.preset.target_lufs
        if not isinstance(target, float):
            continue
        below = target - result.after.loudness_lufs
        if below > TOLERANCE_LU:
            notes.append(
                f"{result.song.name} is {below:.1f} LU below its place in the album: a lower "
                "--target for all, or --limiter, brings it there"
            )
    return notes


def album_page(results: Sequence[MixResult], mode: str, folder: Path) -> str:
    """HTML of all songs: levels before and after, limiter, what was done, links to the reports."""
    rows = []
    for number, result in enumerate(results, 1):
        before, after = result.before, result.after
        knobs = result.preset.console.knobs
        changes = ", ".join(descriptions.describe_settings(result.audible, knobs))
        rows.append(
            (
                str(number),
                result.output.name,
                with_minus(f"{before.loudness_lufs:.1f} → {after.loudness_lufs:.1f} LUFS"),
                with_minus(f"{after.true_peak_db:.1f} dBTP"),
                f"{result.reduction_db:.1f} dB",
                changes or "unchanged",
            )
        )
    links = [
        f'<li><a href="{escape(relpath(result.output.with_suffix(".html"), folder))}">'
        f"{escape(result.song.name)}</a></li>"
        for result in results
    ]
    heads = ("", "song", "loudness", "true peak", "limiter", "settings")
    notes = "".join(f"<p class=note>{escape(note)}</p>" for note in album_notes(results))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>Album</title><style>{CSS}</style><body><h1>Album</h1>"
        f"<p>Levels: {escape(MODES[mode])}.</p>{notes}<div class=wide>{table(heads, rows)}</div>"
        f"<h2>Reports</h2><ol>{''.join(links)}</ol></body></html>\n"
    )
