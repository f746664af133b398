"""The songs of the band with every instrument as a track of its own, drum by drum.

Files: `root/<digest>/<song>/NN_<instrument>.flac` and `manifest.csv`, one row per track. The
tracks have the tone, dynamics, pan and level of the genre's mix, without reverb and delay; their
sum is the mix. They are written when they are first needed.
"""

from pathlib import Path

import numpy as np

from ai_mixer.core.roles import role_from_name, role_from_program
from ai_mixer.data.band.composer import compose_song
from ai_mixer.data.band.composer_style import SONGS_PER_COMPOSER, draw_composer_style
from ai_mixer.data.band.generate import (
    STEM_PEAK,
    SongJob,
    check_settings,
    generate_missing,
    settings_digest,
    song_jobs,
    song_labels,
    write_rows,
    write_song,
)
from ai_mixer.data.band.mixdown import mix_tracks
from ai_mixer.data.band.score import STEMS, Part
from ai_mixer.data.band.synth import synthesise_parts

COLUMNS = (
    "file", "song", "track", "role", "title", "artist", "group", "fold", "split", "genre",
    "licence",
)  # fmt: skip
SILENT_PEAK = 1e-4  # an instrument that is not heard in the song is no track
TRACKS_VERSION = 1


def generate_band_tracks(
    root: Path,
    songs: int = 60,
    duration_s: float = 30.0,
    seed: int = 0,
    sample_rate: int = 44100,
    workers: int | None = None,
) -> Path:
    """Generate the songs that do not exist yet. Returns the path of the manifest.

    Arguments and errors: as for `generate_band`.
    """
    check_settings(songs, duration_s, sample_rate)
    settings = {"songs": songs, "duration_s": float(duration_s), "seed": seed, "rate": sample_rate}
    folder = Path(root) / settings_digest({**settings, "tracks": TRACKS_VERSION})
    manifest = folder / "manifest.csv"
    if manifest.is_file():
        return manifest
    jobs = song_jobs(songs)

    def generate(job: SongJob) -> None:
        write_song(
            folder / job.name,
            lambda: synthesise_tracks(job, duration_s, seed, sample_rate),
            sample_rate,
        )

    generate_missing(jobs, folder, generate, workers)
    rows = []
    for job in jobs:
        roles = {file: role for file, _, role in _named_parts(job, duration_s, seed)}
        for path in sorted((folder / job.name).glob("*.flac")):
            columns = {"track": path.stem[3:], "role": roles[path.stem], **song_labels(job, seed)}
            rows.append({"file": f"{job.name}/{path.name}", **columns})
    write_rows(manifest, COLUMNS, rows)
    return manifest


def synthesise_tracks(
    job: SongJob, duration_s: float, seed: int, sample_rate: int
) -> dict[str, np.ndarray]:
    """File name → processed track [C, T], full scale = 1; mono where both channels are equal."""
    samples = round(duration_s * sample_rate)
    named = _named_parts(job, duration_s, seed)
    raw = {
        stem: [
            synthesise_parts([part], samples, sample_rate).astype(np.float64)
            for _, part, _ in named
            if part.stem == stem
        ]
        for stem in STEMS
    }
    style = draw_composer_style(seed, job.genre, job.number // SONGS_PER_COMPOSER)
    mixed = mix_tracks(raw, sample_rate, job.genre, style)
    names = {stem: [file for file, part, _ in named if part.stem == stem] for stem in STEMS}
    tracks = {
        file: audio
        for stem in STEMS
        for file, audio in zip(names[stem], mixed[stem], strict=True)
        if np.abs(audio).max() > SILENT_PEAK
    }
    peak = max(np.abs(audio).max() for audio in (*tracks.values(), sum(tracks.values())))
    scaled = {file: audio * (STEM_PEAK / peak) for file, audio in tracks.items()}
    return {
        file: audio[:1] if np.allclose(audio[0], audio[1], atol=1e-6) else audio
        for file, audio in sorted(scaled.items())
    }


def _named_parts(job: SongJob, duration_s: float, seed: int) -> list[tuple[str, Part, str]]:
    """File name without suffix, part and role of every instrument."""
    parts = compose_song(seed, job.genre, job.number, duration_s).parts
    return [
        (f"{number:02d}_{part.name.replace(' ', '_')}", part, _role(part))
        for number, part in enumerate(parts, start=1)
    ]


def _role(part: Part) -> str:
    """The stems drums and bass say the role; the lead is an instrument; else by name or program."""
    if part.stem in {"drums", "bass"}:
        return part.stem
    return role_from_name(part.name) or role_from_program(part.program)
