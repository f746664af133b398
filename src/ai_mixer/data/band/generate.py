"""Generate the songs of the embedded band: cached, resumable and deterministic.

Files: `root/<digest>/<genre>_<nn>/{drums,bass,vocals,other,dry,finished}.flac` and `manifest.csv`.
A song is written to a temporary folder that is renamed, and the manifest is written last: a killed
process loses at most the songs in progress, and concurrent processes do not conflict.

Songs are generated in threads, since nearly all time is spent in kernels that release the GIL.
"""

import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import soundfile as sf

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
from ai_mixer.utils.progress import progress_bar

VERSION = 3
"""Version of the audio: another number generates all songs again."""

LICENCE = "CC0-1.0"
"""The songs are generated and contain no works or recordings of others. The instrument samples are
from TimGM6mb (GPL-2), which is read and not distributed: see `soundfont.py`."""

FILES = (*STEMS, "dry", "finished")
STEM_PEAK = 0.89  # −1 dBFS, for the loudest of the stems and their sum
STALE_S = 3600.0  # age at which temporary files count as left over
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
        """Name of the song's folder."""
        return f"{self.genre}_{self.number:02d}"


def generate_band(
    root: Path,
    songs: int = 60,
    duration_s: float = 30.0,
    seed: int = 0,
    sample_rate: int = 44100,
    workers: int | None = None,
) -> Path:
    """Generate the songs that do not exist yet. Returns the path of the manifest.

    workers: number of threads, default one per core up to 8; each needs about 0.7 GB for 30 s
    songs. Raises ValueError for arguments out of range.
    """
    check_settings(songs, duration_s, sample_rate)
    settings = {"songs": songs, "duration_s": float(duration_s), "seed": seed, "rate": sample_rate}
    folder = Path(root) / settings_digest(settings)
    manifest = folder / "manifest.csv"
    if manifest.is_file():
        return manifest
    jobs = song_jobs(songs)

    def generate(job: SongJob) -> None:
        generate_song(job, folder, duration_s, seed, sample_rate)

    generate_missing(jobs, folder, generate, workers)
    _write_manifest(manifest, jobs, duration_s, seed)
    return manifest


def check_settings(songs: int, duration_s: float, sample_rate: int) -> None:
    """ValueError for arguments out of range."""
    if songs < 1:
        raise ValueError(f"songs={songs}: must be at least 1")
    if not 2.0 <= duration_s <= 600.0:
        raise ValueError(f"duration_s={duration_s}: must be 2 to 600 seconds")
    if not 8000 <= sample_rate <= 192000:
        raise ValueError(f"sample_rate={sample_rate}: must be 8000 to 192000 Hz")


def song_jobs(songs: int) -> list[SongJob]:
    """All songs, with the genres in turn."""
    genres = list(GENRE_TABLE)
    return [SongJob(genres[i % len(genres)], i // len(genres)) for i in range(songs)]


def generate_song(
    job: SongJob, folder: Path, duration_s: float, seed: int, sample_rate: int
) -> None:
    """Generate and save one song, unless it exists."""

    def files() -> Mapping[str, np.ndarray]:
        audio = synthesise_song(job, duration_s, seed, sample_rate)
        return {name: audio[name] for name in FILES}

    write_song(folder / job.name, files, sample_rate)


def write_song(
    folder: Path, make: Callable[[], Mapping[str, np.ndarray]], sample_rate: int
) -> None:
    """Save the files of one song as FLAC (name → audio [C, T]), unless its folder exists."""
    if folder.is_dir():
        return
    audio = make()
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    temporary.chmod(0o755)
    try:
        for name, samples in audio.items():
            _write(temporary / f"{name}.flac", samples, sample_rate)
        temporary.rename(folder)
    except BaseException as error:  # a full disk, or another process has written the same song
        shutil.rmtree(temporary)
        if not (isinstance(error, OSError) and folder.is_dir()):
            raise


def _write(path: Path, audio: np.ndarray, sample_rate: int) -> None:
    """Encode in memory first: libsndfile does not report a full disk and leaves a partial file."""
    encoded = io.BytesIO()
    sf.write(encoded, audio.T, sample_rate, subtype="PCM_16", format="FLAC")
    with reraise_disk_full(path):
        path.write_bytes(encoded.getbuffer())


def synthesise_song(
    job: SongJob, duration_s: float, seed: int, sample_rate: int
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """The audio of FILES, [2, T] each, full scale = 1."""
    genre, number = job
    score = compose_song(seed, genre, number, duration_s)
    samples = round(duration_s * sample_rate)
    stems = {}
    for stem in STEMS:
        parts = [part for part in score.parts if part.stem == stem]
        stems[stem] = synthesise_parts(parts, samples, sample_rate).astype(np.float64)
    peak = max(float(np.abs(x).max()) for x in (*stems.values(), sum(stems.values())))
    stems = {name: x * (STEM_PEAK / max(peak, 1e-6)) for name, x in stems.items()}
    composer = number // SONGS_PER_COMPOSER
    style = draw_composer_style(seed, genre, composer)
    reverb_rng = rng_for(seed, "room", genre, composer)
    mixdown = mix_stems(stems, sample_rate, genre, style, score.bpm, reverb_rng)
    return {**stems, **mixdown._asdict()}


class NamedJob(Protocol):
    """A song to generate."""

    @property
    def name(self) -> str:
        """Name of the song's folder."""
        ...


Job = TypeVar("Job", bound=NamedJob)


def generate_missing(
    jobs: Sequence[Job],
    folder: Path,
    generate: Callable[[Job], None],
    workers: int | None,
) -> None:
    """Generate songs that have no folder, in a thread pool.

    Ctrl-C and errors stop it after the songs in progress.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_stale_files(folder)
    jobs = [job for job in jobs if not (folder / job.name).is_dir()]
    if not jobs:
        return
    general_midi()  # loads the font before the threads use it
    with ThreadPoolExecutor(min(workers or _default_workers(), len(jobs))) as pool:
        completed = as_completed([pool.submit(generate, job) for job in jobs])
        try:
            for _ in progress_bar(jobs, "generating songs"):
                next(completed).result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _write_manifest(manifest: Path, jobs: list[SongJob], duration_s: float, seed: int) -> None:
    rows = []
    for job in jobs:
        rows.append(
            {
                "file": f"{job.name}/finished.flac",
                **song_labels(job, seed),
                "source": "ai_mixer band",
                "source_path": f"seed {seed}, {job.name}",
                "start_s": 0.0,
                "duration_s": duration_s,
                **{name: f"{job.name}/{name}.flac" for name in ("dry", *STEMS)},
            }
        )
    write_rows(manifest, COLUMNS, rows)


def song_labels(job: SongJob, seed: int) -> dict[str, Any]:
    """The columns of a manifest that describe a song."""
    composer = job.number // SONGS_PER_COMPOSER
    fold = fold_of(job.genre, composer)
    return {
        "song": job.name,
        "title": title_of(seed, job.genre, job.number),
        "artist": draw_composer_style(seed, job.genre, composer).name,
        "group": composer_id(job.genre, composer),
        "fold": fold,
        "split": split_of(fold),
        "genre": job.genre,
        "licence": LICENCE,
    }


def write_rows(file: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV file, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(file, text.getvalue().encode())


def _default_workers() -> int:
    return min(os.cpu_count() or 1, 8)


def settings_digest(settings: dict[str, float]) -> str:
    """Name of the band's folder: digest of settings, version and sound font."""
    font = general_midi().digest
    text = json.dumps({**settings, "version": VERSION, "font": font}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _remove_stale_files(folder: Path) -> None:
    """Remove temporary files of killed processes; recent ones may still be in use."""
    for path in folder.glob(".*"):
        if time.time() - path.stat().st_mtime > STALE_S:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
