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
from typing import Any

from ai_mixer.listening import words
from ai_mixer.listening.audio import flac, replace_file
from ai_mixer.listening.matching import Loudness, integrated_lufs, matching_db
from ai_mixer.listening.samples import SettingRow, SongSamples
from ai_mixer.listening.spectrogram import pictures, ticks

BITS = 16  # what a browser plays; the FLAC files beside the page have 24


def write_page(
    path: str | Path,
    title: str,
    songs: Sequence[SongSamples],
    *,
    subtitle: str = "",
    headline: Mapping[str, float | str] | None = None,
    loudness: Loudness = integrated_lufs,
) -> Path:
    """Write the page, whole or not at all. Returns its path.

    subtitle: one line below the title. headline: figures shown at the top, by name.
    loudness: (audio [C, T], rate) → LUFS, for playing all versions equally loud.
    ValueError without songs.
    """
    if not songs:
        raise ValueError("a listening page needs at least one song, got none")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, _page(title, songs, subtitle, headline or {}, loudness).encode())
    return path


def _page(
    title: str,
    songs: Sequence[SongSamples],
    subtitle: str,
    headline: Mapping[str, float | str],
    loudness: Loudness,
) -> str:
    facts, audio = [], []
    for index, song in enumerate(songs):
        encoded = {name: flac(x, song.sample_rate, BITS) for name, x in song.versions().items()}
        restore = {name: factor for name, (_, factor) in encoded.items()}
        facts.append(_facts(song, matching_db(song, loudness), restore))
        audio += [_audio_tag(f"audio-{index}-{name}", blob) for name, (blob, _) in encoded.items()]
    figures = "".join(
        f"<div><dt>{html.escape(words.label(name))}</dt>"
        f"<dd>{html.escape(words.number(value))}</dd></div>"
        for name, value in headline.items()
    )
    parts = {
        "title": html.escape(title),
        "subtitle": html.escape(subtitle),
        "headline": figures,
        "style": _read("page.css"),
        "script": _read("page.js"),
        "data": json.dumps({"songs": facts}, ensure_ascii=False).replace("<", "\\u003c"),
        "audio": "\n".join(audio),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _read("page.html"))


def _facts(
    song: SongSamples, matching: Mapping[str, float], restore: Mapping[str, float]
) -> dict[str, Any]:
    """What the page's script needs to know about one song."""
    condition = words.CONDITIONS.get(song.condition or "", song.condition)
    matched = {name: x * 10 ** (matching[name] / 20) for name, x in song.versions().items()}
    return {
        "name": song.name,
        "about": " · ".join(text for text in (song.genre, condition) if text),
        "genre": (song.genre or "").replace("_", " "),
        "sampleRate": song.sample_rate,
        "seconds": song.rough.shape[-1] / song.sample_rate,
        "restore": restore,
        "matching": {name: {"db": db, "text": words.decibels(db)} for name, db in matching.items()},
        "pictures": pictures(matched, song.sample_rate),
        "ticks": ticks(song.sample_rate),
        "settings": [_setting(row) for row in song.settings],
        "metrics": [[words.label(n), words.number(value)] for n, value in song.metrics.items()],
    }


def _setting(row: SettingRow) -> dict[str, Any]:
    known = row.true is not None and not row.masked
    low, high = words.setting(row.low, row.unit), words.setting(row.high, row.unit)
    return {
        "label": words.label(row.knob),
        "range": f"{low} to {high}",
        "value": words.setting(row.predicted, row.unit),
        "at": row.travel(row.predicted),
        "neutral": row.travel(row.neutral),
        "true": words.setting(row.true, row.unit) if known and row.true is not None else None,
        "trueAt": row.travel(row.true) if known and row.true is not None else None,
        "masked": row.masked,
    }


def _audio_tag(name: str, blob: bytes) -> str:
    text = base64.b64encode(blob).decode()
    return f'<script type="audio/flac" id="{name}">{text}</script>'


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
