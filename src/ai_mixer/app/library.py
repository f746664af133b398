"""Songs of the application on disk: a folder each, which a restart finds again.

`<home>/songs/<id>/`: `song.json` (facts), `source/` (the uploaded file, or several tracks),
`reference/`, `audio.wav` and `reference.wav` (decoded, float32), `tracks/` (decoded at one sample
rate, `0.wav` …), `session.json` (written by the page), `exports/<id>/`.
"""

import json
import re
import shutil
import time
import unicodedata
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any
from uuid import uuid4

from ai_mixer.app.errors import AppError
from ai_mixer.app.limits import Limits
from ai_mixer.core.track import MAX_TRACKS
from ai_mixer.utils.atomic_write import remove_stale_drafts, write_text

ID = re.compile(r"[0-9a-f]{16}")
UNSAFE = re.compile(r"[^\w .()+&',-]+")
MAX_NAME = 120
SOURCE, REFERENCE = "source", "reference"
AUDIO = {SOURCE: "audio.wav", REFERENCE: "reference.wav"}

Facts = dict[str, Any]


def new_id() -> str:
    """A random id of a song, job or export."""
    return uuid4().hex[:16]


def safe_name(name: str) -> str:
    """A file name without folders and characters that are special anywhere.

    >>> safe_name("../../My <song>.WAV")
    'My _song_.WAV'
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    cleaned = UNSAFE.sub("_", last).strip(" .")
    stem, dot, suffix = cleaned.rpartition(".")
    if not dot:
        stem, suffix = cleaned, ""
    return f"{(stem or 'song')[:MAX_NAME]}{dot}{suffix[:8]}"


class Library:
    """The songs below a folder. Methods may be called from any thread."""

    def __init__(self, home: Path, limits: Limits) -> None:
        self.home, self.limits = home, limits
        self.songs = home / "songs"
        self.songs.mkdir(parents=True, exist_ok=True)

    def folder(self, song: str) -> Path:
        """Folder of a song. AppError 404 if there is none."""
        path = self.songs / song
        if not ID.fullmatch(song) or not (path / "song.json").is_file():
            raise AppError(f"no song {song[:40]!r}: it may have been removed", 404)
        return path

    def facts(self, song: str) -> Facts:
        """What is known of a song."""
        return dict(json.loads((self.folder(song) / "song.json").read_text(encoding="utf-8")))

    def update(self, song: str, **facts: Any) -> Facts:
        """Change facts of a song."""
        merged = {**self.facts(song), **facts}
        write_text(self.folder(song) / "song.json", json.dumps(merged, ensure_ascii=False))
        return merged

    def list_songs(self) -> list[Facts]:
        """All songs, the last one first."""
        found = [self.facts(p.parent.name) for p in self.songs.glob("*/song.json")]
        return sorted(found, key=lambda facts: facts["created_s"], reverse=True)

    def create(self, name: str, **more: Any) -> Facts:
        """A new song without audio, with more facts. AppError if there are too many."""
        count = sum(1 for _ in self.songs.iterdir())
        if count >= self.limits.songs:
            raise AppError(f"{count} songs are stored, which is the limit: remove some", 409)
        song = new_id()
        (self.songs / song).mkdir()
        facts = {"id": song, "name": name, "created_s": time.time(), "state": "new", **more}
        write_text(self.songs / song / "song.json", json.dumps(facts, ensure_ascii=False))
        return facts

    def remove(self, song: str) -> None:
        """Remove a song with everything that belongs to it."""
        shutil.rmtree(self.folder(song))

    async def upload(
        self, song: str, kind: str, name: str, chunks: AsyncIterator[bytes], size: int | None
    ) -> Path:
        """Write an uploaded file of a song: kind SOURCE or REFERENCE. AppError if it is too large.

        size: bytes that the sender announced. An incomplete upload leaves nothing. It replaces the
        file before, except for a track, which gets a name of its own.
        """
        self._check_size(size or 0)
        folder, is_track = self.folder(song) / kind, kind == SOURCE and self.has_tracks(song)
        if not is_track:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        path, received = folder / safe_name(name), 0
        if is_track:
            path = self._new_track(path)
        draft = folder / f".upload-{new_id()}"
        try:
            with draft.open("wb") as file:
                async for chunk in chunks:
                    received += len(chunk)
                    self._check_size(received)
                    file.write(chunk)
            if received == 0:
                raise AppError(f"{safe_name(name)}: the file is empty")
            if size is not None and received != size:
                raise AppError(f"{safe_name(name)}: the upload is incomplete: try again")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return path

    def file(self, song: str, kind: str) -> Path:
        """The uploaded file of a song. AppError 404 if there is none."""
        found = [p for p in (self.folder(song) / kind).glob("*") if p.name[0] != "."]
        if not found:
            raise AppError(f"this song has no {kind}", 404)
        return found[0]

    def files(self, song: str) -> list[Path]:
        """The uploaded tracks of a song, by name. AppError 409 if it has no tracks."""
        if not self.has_tracks(song):
            raise AppError("this song is one file, not several tracks", 409)
        return sorted(p for p in (self.folder(song) / SOURCE).glob("*") if p.name[0] != ".")

    def has_tracks(self, song: str) -> bool:
        """Whether a song has several tracks."""
        return "tracks" in self.facts(song)

    def check_one_file(self, song: str) -> None:
        """AppError 409 for a song of several tracks."""
        if self.has_tracks(song):
            raise AppError("this song has several tracks: mix those", 409)

    def track_folder(self, song: str) -> Path:
        """Folder of the decoded tracks."""
        folder = self.folder(song) / "tracks"
        folder.mkdir(exist_ok=True)
        return folder

    def _new_track(self, path: Path) -> Path:
        """A path that is free, where names differ by more than case. AppError for too many."""
        names = {p.stem.casefold() for p in path.parent.glob("*") if p.name[0] != "."}
        if len(names) >= MAX_TRACKS:
            raise AppError(f"a song has at most {MAX_TRACKS} tracks", 413)
        stem, number = path.stem, 2
        while path.stem.casefold() in names:
            path, number = path.with_name(f"{stem} {number}{path.suffix}"), number + 1
        return path

    def audio(self, song: str, kind: str) -> Path:
        """The decoded audio of a song or its reference. AppError 404 if there is none."""
        path = self.folder(song) / AUDIO[kind]
        if not path.is_file():
            raise AppError(f"the {kind} of this song is not decoded", 404)
        return path

    def session(self, song: str) -> str:
        """What the page saved, JSON; `{}` if it saved nothing."""
        path = self.folder(song) / "session.json"
        return path.read_text(encoding="utf-8") if path.is_file() else "{}"

    def save_session(self, song: str, session: dict[str, Any]) -> None:
        """Save what the page needs to go on after a reload. AppError if it is too large."""
        text = json.dumps(session, ensure_ascii=False)
        if len(text.encode("utf-8", "surrogatepass")) > self.limits.session_bytes:
            raise AppError(f"a session has at most {self.limits.session_bytes:,} bytes", 413)
        write_text(self.folder(song) / "session.json", text)

    def export(self, song: str, export: str, name: str) -> Path:
        """A file of an export. AppError 404 if there is none."""
        path = self.folder(song) / "exports" / export / safe_name(name)
        if not ID.fullmatch(export) or name != safe_name(name) or not path.is_file():
            raise AppError(f"no file {name[:80]!r} in this export", 404)
        return path

    def clean(self, waiting: Collection[str] = ()) -> list[str]:
        """Remove songs that are too old or have no audio, and drafts; returns the ids of songs.

        waiting: songs with jobs. Without one, tracks that are not imported were never completed.
        """
        oldest_s = time.time() - 86_400 * self.limits.keep_days
        removed = []
        for folder in list(self.songs.iterdir()):
            file = folder / "song.json"
            used_s = max((p.stat().st_mtime for p in folder.glob("*.json")), default=0.0)
            unused = used_s < oldest_s or not file.is_file() or not list(folder.glob("*/*"))
            if unused or (folder.name not in waiting and self._is_incomplete(folder.name)):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder.name)
            else:
                remove_stale_drafts(folder)
        return removed

    def _is_incomplete(self, song: str) -> bool:
        """Whether the upload of tracks was not completed."""
        facts = self.facts(song)
        return facts["state"] == "new" and "tracks" in facts

    def _check_size(self, size: int) -> None:
        limit = self.limits.upload_bytes
        if size > limit:
            raise AppError(f"the file is larger than {limit / 1e6:.0f} MB, the limit", 413)
        if shutil.disk_usage(self.home).free - size < self.limits.free_bytes:
            raise AppError("the disk is almost full: free space, or remove songs", 507)
