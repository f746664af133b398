"""One self-contained page that plays rough, mix and finished side by side.

Nothing is fetched and nothing is stored: it works from a file and inside MLflow's sandboxed frame.
Audio lies in the page as FLAC and is decoded song by song.
"""

import base64
import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from ai_mixer.listening import words
from ai_mixer.listening.audio import flac, replace_file
from ai_mixer.listening.matching import Loudness, integrated_lufs, matching_db
from ai_mixer.listening.samples import SettingRow, SongSamples
from ai_mixer.listening.spectrogram import pictures, ticks

BITS = 16  # what a browser plays; the FLAC files beside the page have 24
MAX_BYTES = 45 * 2**20  # MLflow shows no file above 50 MiB
SCRIPTS = ("player.js", "meter.js", "view.js", "hands.js")


class _SongInPage(NamedTuple):
    facts: dict[str, Any]
    flacs: dict[str, str]  # by version, as text

    @property
    def size(self) -> int:
        """Characters it takes; nearly all are one byte."""
        return len(_as_json(self.facts)) + sum(map(len, self.flacs.values()))


def write_page(
    path: str | Path,
    title: str,
    songs: Sequence[SongSamples],
    *,
    subtitle: str = "",
    headline: Mapping[str, float | str] | None = None,
    loudness: Loudness = integrated_lufs,
    max_bytes: int = MAX_BYTES,
) -> Path:
    """Write the page, whole or not at all. Returns its path.

    subtitle: one line below the title. headline: figures shown at the top, by name.
    loudness: (audio [C, T], rate) → LUFS, for playing all versions equally loud.
    max_bytes: songs beyond it go to further pages, `<name>-2.html` and so on, linked from each.
    ValueError without songs.
    """
    if not songs:
        raise ValueError("a listening page needs at least one song, got none")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheets = _sheets([_song_in_page(song, loudness) for song in songs], max_bytes)
    names = [path.name, *(f"{path.stem}-{n}{path.suffix}" for n in range(2, len(sheets) + 1))]
    for name, sheet in zip(names, sheets, strict=True):
        text = _page(title, sheet, subtitle, headline or {}, _links(names, name))
        replace_file(path.with_name(name), text.encode())
    return path


def _sheets(songs: Sequence[_SongInPage], max_bytes: int) -> list[list[_SongInPage]]:
    """The songs in order, on as few pages as hold them; one that is too long has its own."""
    sheets: list[list[_SongInPage]] = [[]]
    for song in songs:
        if sheets[-1] and sum(other.size for other in sheets[-1]) + song.size > max_bytes:
            sheets.append([])
        sheets[-1].append(song)
    return sheets


def _song_in_page(song: SongSamples, loudness: Loudness) -> _SongInPage:
    encoded = {name: flac(x, song.sample_rate, BITS) for name, x in song.versions().items()}
    restore = {name: factor for name, (_, factor) in encoded.items()}
    flacs = {name: base64.b64encode(blob).decode() for name, (blob, _) in encoded.items()}
    return _SongInPage(_facts(song, matching_db(song, loudness), restore), flacs)


def _page(
    title: str,
    songs: Sequence[_SongInPage],
    subtitle: str,
    headline: Mapping[str, float | str],
    links: str,
) -> str:
    figures = "".join(
        f"<div><dt>{html.escape(words.label(name))}</dt>"
        f"<dd>{html.escape(words.number(value))}</dd></div>"
        for name, value in headline.items()
    )
    audio = [
        f'<script type="audio/flac" id="audio-{index}-{name}">{text}</script>'
        for index, song in enumerate(songs)
        for name, text in song.flacs.items()
    ]
    parts = {
        "title": html.escape(title),
        "subtitle": f'<p class="muted">{html.escape(subtitle)}</p>' if subtitle else "",
        "headline": figures,
        "links": links,
        "style": _read("page.css"),
        "script": "\n".join(_read(name) for name in SCRIPTS),
        "data": _as_json({"songs": [song.facts for song in songs]}),
        "audio": "\n".join(audio),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _read("page.html"))


def _links(names: Sequence[str], here: str) -> str:
    """The names of all pages, if there are several; the others as links."""
    if len(names) == 1:
        return ""
    links = (
        f"<b>{html.escape(name)}</b>"
        if name == here
        else f'<a href="{html.escape(name)}">{html.escape(name)}</a>'
        for name in names
    )
    return f'<p class="small">Pages of songs: {", ".join(links)}</p>'


def _facts(
    song: SongSamples, matching: Mapping[str, float], restore: Mapping[str, float]
) -> dict[str, Any]:
    """What the page's script needs to know about one song."""
    condition = words.CONDITIONS.get(song.condition or "", song.condition)
    genre = (song.genre or "").replace("_", " ")
    matched = {name: x * 10 ** (matching[name] / 20) for name, x in song.versions().items()}
    return {
        "name": song.name,
        "about": " · ".join(text for text in (genre, condition) if text),
        "genre": genre,
        "sampleRate": song.sample_rate,
        "seconds": song.rough.shape[-1] / song.sample_rate,
        "restore": restore,
        "matching": {name: {"db": db, "text": words.decibels(db)} for name, db in matching.items()},
        "pictures": pictures(matched, song.sample_rate),
        "ticks": ticks(song.sample_rate),
        "settings": [_setting(row) for row in song.settings],
        "metrics": [_metric(name, song) for name in song.metrics],
    }


def _setting(row: SettingRow) -> dict[str, Any]:
    known = row.true is not None and not row.masked
    low, high = words.setting(row.low, row.unit), words.setting(row.high, row.unit)
    return {
        "label": words.label(row.knob),
        "range": f"{low} to {high}",
        "value": words.setting(row.predicted, row.unit),
        "at": row.travel(row.predicted),
        "neutral": words.setting(row.neutral, row.unit),
        "neutralAt": row.travel(row.neutral),
        "true": words.setting(row.true, row.unit) if known and row.true is not None else None,
        "trueAt": row.travel(row.true) if known and row.true is not None else None,
        "masked": row.masked,
    }


def _metric(name: str, song: SongSamples) -> dict[str, Any]:
    rough = song.rough_metrics.get(name)
    return {
        "label": words.label(name),
        "rough": None if rough is None else words.number(rough),
        "mix": words.number(song.metrics[name]),
    }


def _as_json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
