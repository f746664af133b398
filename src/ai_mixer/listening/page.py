"""Write a self-contained HTML page that plays rough, mixes and finished of songs in sync.

The page loads and stores nothing: it works as a local file and in MLflow's sandboxed frame. Audio
is embedded as FLAC, of tracks as Ogg Vorbis, and decoded one song at a time.
"""

import base64
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from ai_mixer.listening import labels
from ai_mixer.listening.flac import encode_flac
from ai_mixer.listening.loudness_match import (
    LoudnessFunction,
    integrated_lufs,
    levels_lufs,
    matching_gains_db,
)
from ai_mixer.listening.page_data import (
    VersionLabel,
    largest_differences,
    song_data,
    version_labels,
)
from ai_mixer.listening.samples import SongSamples
from ai_mixer.listening.vorbis import encode_vorbis
from ai_mixer.utils.atomic_write import write_text

BITS = 16  # as browsers decode; the separate FLAC files have 24
MAX_BYTES = 45 * 2**20  # MLflow does not show files above 50 MiB
MAX_TRACK_BYTES = 24 * 2**20  # of a song; its tracks are left out above
SCRIPTS = ("player.js", "tracks.js", "meter.js", "blind_test.js", "view.js", "input.js")
DEFAULT_MIXES = {"mix": VersionLabel("Mix", "by the model")}


class TableSection(NamedTuple):
    """A table of texts below the player, hidden during a blind test. rows: the name first."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


class _EmbeddedSong(NamedTuple):
    song_data: dict[str, Any]
    audio: dict[str, str]  # base64, FLAC by version, and Ogg Vorbis of each track: `mix-t0`

    @property
    def size(self) -> int:
        """Number of characters, nearly all of one byte."""
        return len(_as_json(self.song_data)) + sum(map(len, self.audio.values()))


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
    """Write the page atomically. Returns its path.

    subtitle: one line below the title. headline: values shown at the top, by name.
    mixes: labels of the mixes, the same for all songs. sections: tables below the player.
    loudness: (audio [C, T], rate) → LUFS, for playing all versions at equal loudness.
    max_bytes: further songs are written to linked pages `<name>-2.html` and so on.
    ValueError without songs, or if their mixes are not those of `mixes`.
    """
    if not songs:
        raise ValueError("a listening page needs at least one song, got none")
    for song in songs:
        if list(song.mixes) != list(mixes):
            raise ValueError(f"song {song.name} has mixes {[*song.mixes]}, the page {[*mixes]}")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = _split_into_pages([_embed_song(song, loudness) for song in songs], max_bytes)
    names = [path.name, *(f"{path.stem}-{n}{path.suffix}" for n in range(2, len(pages) + 1))]
    for name, page in zip(names, pages, strict=True):
        parts = {
            "title": html.escape(title),
            "subtitle": f'<p class="muted">{html.escape(subtitle)}</p>' if subtitle else "",
            "headline": _headline_html(headline or {}),
            "links": _links(names, name),
            "sections": "\n".join(map(_section, sections)),
            "data": _as_json(
                {
                    "versions": version_labels(mixes),
                    "songs": [song.song_data for song in page],
                    "differences": largest_differences([song.song_data for song in page]),
                }
            ),
            "audio": _audio(page),
        }
        write_text(path.with_name(name), _fill_template(parts))
    return path


def _split_into_pages(songs: Sequence[_EmbeddedSong], max_bytes: int) -> list[list[_EmbeddedSong]]:
    """Distribute the songs in order to as few pages as possible; a too long song has its own."""
    pages: list[list[_EmbeddedSong]] = [[]]
    for song in songs:
        if pages[-1] and sum(other.size for other in pages[-1]) + song.size > max_bytes:
            pages.append([])
        pages[-1].append(song)
    return pages


def _embed_song(song: SongSamples, loudness: LoudnessFunction) -> _EmbeddedSong:
    encoded = {name: encode_flac(x, song.sample_rate, BITS) for name, x in song.versions().items()}
    restore_gain = {name: factor for name, (_, factor) in encoded.items()}
    flacs = {name: base64.b64encode(blob).decode() for name, (blob, _) in encoded.items()}
    tracks = _embed_tracks(song)
    if not tracks and song.tracks:
        count = len(song.tracks)
        note = f"The {count} tracks are too large for this page: fewer seconds of a song fit."
        song = replace(song, tracks=(), note=f"{song.note} {note}".strip())
    gains_db, levels = matching_gains_db(song, loudness), levels_lufs(song, loudness)
    return _EmbeddedSong(song_data(song, gains_db, restore_gain, levels), flacs | tracks)


def _embed_tracks(song: SongSamples) -> dict[str, str]:
    """The tracks in each version; none above MAX_TRACK_BYTES."""
    found, size = {}, 0
    for number, track in enumerate(song.tracks):
        for version, audio in track.versions.items():
            text = base64.b64encode(encode_vorbis(audio, song.sample_rate)).decode()
            found[f"{version}-t{number}"] = text
            size += len(text)
            if size > MAX_TRACK_BYTES:
                return {}
    return found


def _fill_template(parts: Mapping[str, str]) -> str:
    """The template with its placeholders replaced, in one pass: parts may contain `{{…}}`."""
    scripts = "\n".join(_read(name) for name in SCRIPTS)
    values = {"style": _read("page.css"), "script": scripts, **parts}
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _read("page.html"))


def _headline_html(headline: Mapping[str, float | str]) -> str:
    return "".join(
        f"<div><dt>{html.escape(labels.readable_name(name))}</dt>"
        f"<dd>{html.escape(labels.format_number(value)).replace(' = ', '&nbsp;=&nbsp;')}</dd></div>"
        for name, value in headline.items()
    )


def _audio(songs: Sequence[_EmbeddedSong]) -> str:
    return "\n".join(
        f'<script type="audio/flac" id="audio-{index}-{name}">{text}</script>'
        for index, song in enumerate(songs)
        for name, text in song.audio.items()
    )


def _section(section: TableSection) -> str:
    """A card with a table; the row's name to the left, numbers to the right."""
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


def _links(names: Sequence[str], current: str) -> str:
    """The names of all pages if there are several, as links except the current one."""
    if len(names) == 1:
        return ""
    links = (
        f"<b>{html.escape(name)}</b>"
        if name == current
        else f'<a href="{html.escape(name)}">{html.escape(name)}</a>'
        for name in names
    )
    return f'<p class="small">Pages of songs: {", ".join(links)}</p>'


def _as_json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
