"""One self-contained page that plays a rough version, mixes of it and the finished one, in step.

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

from ai_mixer.listening import labels
from ai_mixer.listening.flac import encode_flac
from ai_mixer.listening.loudness_match import LoudnessFunction, integrated_lufs, matching_gains_db
from ai_mixer.listening.page_data import (
    VersionLabel,
    largest_differences,
    song_data,
    version_labels,
)
from ai_mixer.listening.samples import SongSamples
from ai_mixer.utils.atomic_write import write_text

BITS = 16  # what a browser plays; the FLAC files beside the page have 24
MAX_BYTES = 45 * 2**20  # MLflow shows no file above 50 MiB
SCRIPTS = ("player.js", "meter.js", "votes.js", "view.js", "hands.js")
DEFAULT_MIXES = {"mix": VersionLabel("Mix", "by the model")}


class TableSection(NamedTuple):
    """A table below the player: texts, a row's name first; hidden while votes are being cast."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


class _EmbeddedSong(NamedTuple):
    song_data: dict[str, Any]
    flacs: dict[str, str]  # by version, as text

    @property
    def size(self) -> int:
        """Characters it takes; nearly all are one byte."""
        return len(_as_json(self.song_data)) + sum(map(len, self.flacs.values()))


def write_page(
    path: str | Path,
    title: str,
    songs: Sequence[SongSamples],
    *,
    subtitle: str = "",
    headline: Mapping[str, float | str] | None = None,
    mixes: Mapping[str, VersionLabel] = DEFAULT_MIXES,
    sections: Sequence[TableSection] = (),
    loudness: LoudnessFunction = integrated_lufs,
    max_bytes: int = MAX_BYTES,
) -> Path:
    """Write the page, whole or not at all. Returns its path.

    subtitle: one line below the title. headline: figures shown at the top, by name.
    mixes: what each mix of the songs is called. sections: tables below the player.
    loudness: (audio [C, T], rate) → LUFS, for playing all versions equally loud.
    max_bytes: songs beyond it go to further pages, `<name>-2.html` and so on, linked from each.
    ValueError without songs, or if their mixes are not those of `mixes`.
    """
    if not songs:
        raise ValueError("a listening page needs at least one song, got none")
    for song in songs:
        if list(song.mixes) != list(mixes):
            raise ValueError(f"song {song.name} has mixes {[*song.mixes]}, the page {[*mixes]}")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheets = _split_into_pages([_song_in_page(song, loudness) for song in songs], max_bytes)
    names = [path.name, *(f"{path.stem}-{n}{path.suffix}" for n in range(2, len(sheets) + 1))]
    for name, sheet in zip(names, sheets, strict=True):
        parts = {
            "title": html.escape(title),
            "subtitle": f'<p class="muted">{html.escape(subtitle)}</p>' if subtitle else "",
            "headline": _headline_html(headline or {}),
            "links": _links(names, name),
            "sections": "\n".join(map(_section, sections)),
            "data": _as_json(
                {
                    "versions": version_labels(mixes),
                    "songs": [song.song_data for song in sheet],
                    "differences": largest_differences([song.song_data for song in sheet]),
                }
            ),
            "audio": _audio(sheet),
        }
        text = _fill_template(parts)
        write_text(path.with_name(name), text)
    return path


def _split_into_pages(songs: Sequence[_EmbeddedSong], max_bytes: int) -> list[list[_EmbeddedSong]]:
    """The songs in order, on as few pages as hold them; one that is too long has its own."""
    sheets: list[list[_EmbeddedSong]] = [[]]
    for song in songs:
        if sheets[-1] and sum(other.size for other in sheets[-1]) + song.size > max_bytes:
            sheets.append([])
        sheets[-1].append(song)
    return sheets


def _song_in_page(song: SongSamples, loudness: LoudnessFunction) -> _EmbeddedSong:
    encoded = {name: encode_flac(x, song.sample_rate, BITS) for name, x in song.versions().items()}
    restore = {name: factor for name, (_, factor) in encoded.items()}
    flacs = {name: base64.b64encode(blob).decode() for name, (blob, _) in encoded.items()}
    return _EmbeddedSong(song_data(song, matching_gains_db(song, loudness), restore), flacs)


def _fill_template(parts: Mapping[str, str]) -> str:
    """The page with its parts in place; nothing within a part is taken for a place."""
    own = {"style": _read("page.css"), "script": "\n".join(_read(name) for name in SCRIPTS)}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: {**own, **parts}[found[1]], _read("page.html"))


def _headline_html(headline: Mapping[str, float | str]) -> str:
    return "".join(
        f"<div><dt>{html.escape(labels.readable_name(name))}</dt>"
        f"<dd>{html.escape(labels.format_number(value))}</dd></div>"
        for name, value in headline.items()
    )


def _audio(songs: Sequence[_EmbeddedSong]) -> str:
    return "\n".join(
        f'<script type="audio/flac" id="audio-{index}-{name}">{text}</script>'
        for index, song in enumerate(songs)
        for name, text in song.flacs.items()
    )


def _section(section: TableSection) -> str:
    """A card with a table; numbers to the right, the row's name to the left."""
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in section.head)
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(f"<td>{html.escape(text)}</td>" for text in cells)
        + "</tr>"
        for name, *cells in section.rows
    )
    note = f'<p class="muted small">{html.escape(section.note)}</p>' if section.note else ""
    return (
        f'<section class="card spoiler"><h3>{html.escape(section.title)}</h3>{note}'
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


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


def _as_json(song_data: Mapping[str, Any]) -> str:
    return json.dumps(song_data, ensure_ascii=False).replace("<", "\\u003c")


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
