"""Many songs at once: cached, resumable, and the same files whoever makes them.

`root/<digest>/<genre>_<nn>/{drums,bass,vocals,other,dry,finished}.flac` and `manifest.csv`. A song
is written to a temporary folder and renamed, the manifest is written last: a killed run loses at
most the songs it was working on, and two runs at once waste time but break nothing.

Threads, not processes: nearly all the time is spent in kernels that release Python's lock, and a
thread has no imports to repeat and no start method to choose. No step depends on another song.
"""

import csv
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile as sf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from ai_mixer.data.band.composer import compose_song
from ai_mixer.data.band.composer_style import (
    SONGS_PER_COMPOSER,
    composer_id,
    draw_composer_style,
    fold_of,
    rng_for,
    split_of,
    title_of,
)
from ai_mixer.data.band.genres import GENRE_TABLE
from ai_mixer.data.band.mixdown import mix_stems
from ai_mixer.data.band.score import STEMS
from ai_mixer.data.band.soundfont import general_midi
from ai_mixer.data.band.synth import synthesise_parts
from ai_mixer.utils.atomic_write import write_bytes
from ai_mixer.utils.disk_errors import reraise_disk_full

VERSION = 3
"""Counts changes of the sound: a new number makes new songs."""

LICENCE = "CC0-1.0"
"""The songs are generated; nobody else's notes or recordings are copied into them as such. The
samples come from TimGM6mb (GPL-2), which is read and not distributed: see `soundfont.py`."""

FILES = (*STEMS, "dry", "finished")
STEM_PEAK = 0.89  # −1 dBFS for the loudest of the stems and their sum
STALE_S = 3600.0
COLUMNS = (
    "file", "song", "title", "artist", "group", "fold", "split", "genre", "licence", "source",
    "source_path", "start_s", "duration_s", "dry", *STEMS,
)  # fmt: skip


class SongJob(NamedTuple):
    """Song `number` of a genre."""

    genre: str
    number: int

    @property
    def name(self) -> str:
        """The song's folder."""
        return f"{self.genre}_{self.number:02d}"


def generate_band(
    root: Path,
    songs: int = 60,
    duration_s: float = 30.0,
    seed: int = 0,
    sample_rate: int = 44100,
    workers: int | None = None,
) -> Path:
    """Compose, render and mix what is not there yet. Returns the path of the manifest.

    workers: threads, default one per core up to 8; each needs about 0.7 GB for 30 s songs.
    ValueError for settings out of range.
    """
    if songs < 1:
        raise ValueError(f"songs={songs}: the band plays at least 1 song")
    if not 2.0 <= duration_s <= 600.0:
        raise ValueError(f"duration_s={duration_s}: a song lasts 2 to 600 seconds")
    if not 8000 <= sample_rate <= 192000:
        raise ValueError(f"sample_rate={sample_rate}: use 8000 to 192000 Hz")
    settings = {"songs": songs, "duration_s": float(duration_s), "seed": seed, "rate": sample_rate}
    folder = Path(root) / _digest(settings)
    manifest = folder / "manifest.csv"
    if manifest.is_file():
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    _remove_stale_files(folder)
    genres = list(GENRE_TABLE)
    jobs = [SongJob(genres[i % len(genres)], i // len(genres)) for i in range(songs)]
    todo = [job for job in jobs if not (folder / job.name).is_dir()]
    _generate_all(todo, folder, duration_s, seed, sample_rate, workers or _default_workers())
    _write_manifest(manifest, jobs, duration_s, seed)
    return manifest


def generate_song(
    job: SongJob, folder: Path, duration_s: float, seed: int, sample_rate: int
) -> None:
    """Compose, render, mix and save one song."""
    if (folder / job.name).is_dir():
        return
    audio = synthesise_song(job, duration_s, seed, sample_rate)
    draft = Path(tempfile.mkdtemp(prefix=f".{job.name}-", dir=folder))
    draft.chmod(0o755)
    try:
        for name in FILES:
            _write(draft / f"{name}.flac", audio[name], sample_rate)
        draft.rename(folder / job.name)
    except OSError:  # a full disk, or somebody else was faster, with the same bits
        shutil.rmtree(draft)
        if not (folder / job.name).is_dir():
            raise


def _write(path: Path, audio: np.ndarray, sample_rate: int) -> None:
    """By way of memory: of a full disk the encoder says nothing, and leaves half a song."""
    blob = io.BytesIO()
    sf.write(blob, audio.T, sample_rate, subtype="PCM_16", format="FLAC")
    with reraise_disk_full(path):
        path.write_bytes(blob.getbuffer())


def synthesise_song(
    job: SongJob, duration_s: float, seed: int, sample_rate: int
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """The six recordings of a song, [2, T] each, full scale = 1."""
    genre, number = job
    score = compose_song(seed, genre, number, duration_s)
    samples = round(duration_s * sample_rate)
    stems = {
        stem: synthesise_parts(
            [p for p in score.parts if p.stem == stem], samples, sample_rate
        ).astype(np.float64)
        for stem in STEMS
    }
    peak = max(float(np.abs(x).max()) for x in (*stems.values(), sum(stems.values())))
    stems = {name: x * (STEM_PEAK / max(peak, 1e-6)) for name, x in stems.items()}
    composer = number // SONGS_PER_COMPOSER
    room = rng_for(seed, "room", genre, composer)
    mixed = mix_stems(
        stems, sample_rate, genre, draw_composer_style(seed, genre, composer), score.bpm, room
    )
    return {**stems, **mixed._asdict()}


def _generate_all(
    jobs: list[SongJob], folder: Path, duration_s: float, seed: int, sample_rate: int, workers: int
) -> None:
    """All songs through a pool of threads. Ctrl-C and errors stop after the songs in the works."""
    if not jobs:
        return
    general_midi()  # once, before the threads ask for it
    with _progress(len(jobs)) as advance, ThreadPoolExecutor(min(workers, len(jobs))) as pool:
        running = {
            pool.submit(generate_song, j, folder, duration_s, seed, sample_rate) for j in jobs
        }
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                    advance()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, a line every ten songs elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Progress(
            "the band plays", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=console, transient=True,
        ) as bar:  # fmt: skip
            task = bar.add_task("", total=total)
            yield lambda: bar.advance(task)
        return
    count, start = 0, time.monotonic()

    def advance() -> None:
        nonlocal count
        count += 1
        if count % 10 == 0 or count == total:
            spent = time.monotonic() - start
            sys.stderr.write(f"the band has played {count} of {total} songs in {spent:.0f} s\n")

    yield advance


def _write_manifest(manifest: Path, jobs: list[SongJob], duration_s: float, seed: int) -> None:
    rows = []
    for job in jobs:
        composer = job.number // SONGS_PER_COMPOSER
        fold = fold_of(job.genre, composer)
        rows.append(
            {
                "file": f"{job.name}/finished.flac",
                "song": job.name,
                "title": title_of(seed, job.genre, job.number),
                "artist": draw_composer_style(seed, job.genre, composer).name,
                "group": composer_id(job.genre, composer),
                "fold": fold,
                "split": split_of(fold),
                "genre": job.genre,
                "licence": LICENCE,
                "source": "ai_mixer band",
                "source_path": f"seed {seed}, {job.name}",
                "start_s": 0.0,
                "duration_s": duration_s,
                **{name: f"{job.name}/{name}.flac" for name in ("dry", *STEMS)},
            }
        )
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(manifest, text.getvalue().encode())


def _default_workers() -> int:
    return min(os.cpu_count() or 1, 8)


def _digest(settings: dict[str, float]) -> str:
    """Names a band: settings, version of the sound, and the sound font."""
    font = hashlib.sha256(general_midi().samples.tobytes()).hexdigest()
    text = json.dumps({**settings, "version": VERSION, "font": font}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _remove_stale_files(folder: Path) -> None:
    """Remove what killed runs left behind, but nothing somebody may be writing."""
    for draft in folder.glob(".*"):
        if time.time() - draft.stat().st_mtime > STALE_S:
            shutil.rmtree(draft, ignore_errors=True) if draft.is_dir() else draft.unlink()
