"""MIDI files as songs of several tracks, played by the band into dry tracks.

Files: `cache/<digest of settings>/<name>-<digest of the MIDI file>/NN_<role>_<instrument>.flac`. A
MIDI file is rendered when it is first needed, and again when it changes.
"""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ai_mixer.core.track import ROLES, Track
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.band.generate import (
    STEM_PEAK,
    check_settings,
    generate_missing,
    settings_digest,
    write_song,
)
from ai_mixer.data.band.midi_parts import read_midi_parts
from ai_mixer.data.band.synth import synthesise_parts
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_collector import SongCollector, split_songs
from ai_mixer.data.split_assignment import Recording
from ai_mixer.data.track_songs import TrackFiles, add_track_song

MIDI_SUFFIXES = frozenset((".mid", ".midi"))
SAMPLE_RATE = 44_100
SILENT_PEAK = 1e-4  # an instrument that is not heard is no track
RELEASE_S = 1.0  # rendered after the last note
MIDI_VERSION = 1  # of the audio: another number renders all files again


class MidiJob(NamedTuple):
    """A MIDI file. song: its path below the root, without suffix. digest: of its content."""

    song: str
    path: Path
    digest: str

    @property
    def name(self) -> str:
        """Name of the folder of its tracks."""
        return f"{Path(self.song).name}-{self.digest}"


class Midi:
    """Songs from the MIDI files (`.mid`, `.midi`) of a folder and its sub-folders.

    Every instrument is a dry track, and every piece of a drum kit; roles are those of the General
    MIDI programs, level and pan those of the file. root: the folder. cache: folder for the audio.
    duration_s: seconds from the beginning of each file that are rendered at most, 2–600; a thread
    needs 0.35 MB per second and track. Files of one sub-folder are kept in one split. fold: test
    fold, `k/K`. workers: threads, default one per core up to 8. index: folder of the metadata
    cache. ValueError (one line) if the folder does not exist or no file has two instruments.
    """

    def __init__(
        self,
        root: str | Path | None,
        cache: str | Path,
        duration_s: float = 60.0,
        fold: int | str | None = None,
        workers: int | None = None,
        index: str | Path | None = None,
    ) -> None:
        if not root:
            raise ValueError("data.root is not set: give data.root=/your/midi")
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise ValueError(f"data.root={root}: no such folder")
        check_settings(1, duration_s, SAMPLE_RATE)
        self.cache, self.duration_s, self.fold = Path(cache), float(duration_s), fold
        self.workers, self.index = workers, MetadataCache(index)
        self.skipped: list[SkippedSong] = []

    def track_songs(self) -> list[Song]:
        """All songs with their splits, rendered by the first call; sets `skipped`."""
        self.skipped = []
        jobs = list(self._jobs())
        settings = {"duration_s": self.duration_s, "midi": MIDI_VERSION}
        folder = self.cache / settings_digest(settings)

        def render(job: MidiJob) -> None:
            try:
                make = partial(_synthesise, job, self.duration_s)
                write_song(folder / job.name, make, SAMPLE_RATE)
            except ValueError as error:
                self.skipped.append(SkippedSong(job.song, str(error)))

        generate_missing(jobs, folder, render, self.workers)
        tracks = {job: _tracks(folder / job.name) for job in jobs}
        scan = self.index.scan([track.path for own in tracks.values() for track in own])
        collector = SongCollector(skipped=[*self.skipped, *scan.skipped])
        for job, own in tracks.items():
            readable = tuple(track for track in own if track.path in scan.metadata)
            if len(readable) > 1:
                group = Path(job.song).parent.as_posix()
                group = job.song if group == "." else group
                recording = Recording(job.song, job.song, group)
                files = TrackFiles(job.song, readable)
                add_track_song(collector, files, scan.metadata, recording)
        if not collector.songs:
            first = f": {collector.skipped[0]}" if collector.skipped else ""
            raise ValueError(f"{self.root}: no MIDI file with two instruments{first}")
        songs, self.skipped, _ = split_songs(collector, self.root, fold=self.fold)
        return songs

    songs = track_songs

    def _jobs(self) -> Iterator[MidiJob]:
        """The files in order of their paths; of files with equal content the first one."""
        first: dict[str, str] = {}
        for path in sorted(self.root.rglob("*")):
            parts = path.relative_to(self.root).parts
            hidden = any(part.startswith(".") for part in parts)
            if hidden or path.suffix.lower() not in MIDI_SUFFIXES or not path.is_file():
                continue
            song = path.relative_to(self.root).with_suffix("").as_posix()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
            if digest in first:
                self.skipped.append(SkippedSong(song, f"is the same file as {first[digest]}"))
                continue
            first[digest] = song
            yield MidiJob(song, path, digest)


def _synthesise(job: MidiJob, duration_s: float) -> dict[str, np.ndarray]:
    """File name → dry track [C, T], mono where both channels are equal; the sum does not clip.

    ValueError for a file that is no MIDI file or has fewer than two instruments that sound.
    """
    parts = read_midi_parts(job.path, duration_s)
    end_s = max(
        (note.start_s + note.duration_s for part in parts for note in part.notes), default=0
    )
    samples = round(min(duration_s, end_s + 1.0) * SAMPLE_RATE)  # 1 s for releases
    tracks: dict[str, np.ndarray] = {}
    total = np.zeros((2, samples), np.float32)
    for number, part in enumerate(parts, start=1):
        audio = synthesise_parts([part], samples, SAMPLE_RATE)
        if np.abs(audio).max() > SILENT_PEAK:
            total += audio
            mono = np.allclose(audio[0], audio[1], atol=1e-6)
            tracks[f"{number:02d}_{part.stem}_{part.name}"] = audio[:1].copy() if mono else audio
    if len(tracks) < 2:
        raise ValueError(f"{job.path}: has fewer than two instruments that sound")
    peak = max(float(np.abs(audio).max()) for audio in (*tracks.values(), total))
    return {name: audio * (STEM_PEAK / peak) for name, audio in tracks.items()}


def _tracks(folder: Path) -> tuple[Track, ...]:
    """The rendered tracks of a song, with the roles in their names."""
    files = sorted(folder.glob("*.flac"))
    return tuple(Track(file.stem, file, _role(file.stem)) for file in files)


def _role(name: str) -> str | None:
    role = name.split("_")[1]
    return role if role in ROLES else None
