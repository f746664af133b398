"""The tracks of a song as files: names, roles, levels, and reading at one sample rate."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.core.roles import role_from_name
from ai_mixer.core.track import MAX_TRACKS, ROLES
from ai_mixer.data.track_layouts import read_song_folder
from ai_mixer.dsp.loudness import LoudnessMeter

BLOCK_SAMPLES = 1 << 18
SILENT_LUFS = -70.0  # the absolute gate of ITU-R BS.1770
STEREO = 2
TRACK_LUFS = -30.0  # loudness of the tracks at the input of the strips, that of training examples


@dataclass(frozen=True)
class TrackInput:
    """One track. role: one of ROLES or None. lufs: its loudness, once measured.

    start_s: where it starts in the mix.
    """

    file: AudioFile
    role: str | None
    muted: bool = False
    lead: bool = False
    pan: float | None = None
    lufs: float = 0.0
    start_s: float = 0.0

    @property
    def end_s(self) -> float:
        """Where it ends in the mix, in seconds."""
        return self.start_s + self.file.duration_s

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.file.path.name

    @property
    def role_index(self) -> int:
        """Index into ROLES, −1 for none."""
        return ROLES.index(self.role) if self.role in ROLES else -1

    @property
    def silent(self) -> bool:
        """Whether nothing is to be heard of it."""
        return self.lufs <= SILENT_LUFS

    def blocks(self, sample_rate: int, frames: int) -> Iterator[Tensor]:
        """Blocks [2, n] of `frames` samples at a sample rate; silence before and after the file."""
        read, size = self.file.read_samples, BLOCK_SAMPLES
        start = round(self.start_s * sample_rate)
        for first in range(0, frames, size):
            length = min(size, frames - first)
            block = read_resampled(read, self.file.sample_rate, first - start, length, sample_rate)
            yield block.expand(STEREO, -1)


def track_inputs(
    paths: Sequence[Path],
    *,
    roles: Mapping[str, str] | None = None,
    leads: Sequence[str] = (),
    pans: Mapping[str, float] | None = None,
    muted: Sequence[str] = (),
    strict: bool = False,
) -> list[TrackInput]:
    """The tracks of files, or of folders with the tracks of one song.

    roles, leads, pans, muted: by the name of a file, with or without its suffix. ValueError in one
    line for a name that is no track or several, a role that is none, a file given twice, fewer than
    one or more than 64 tracks; errors of files as for `AudioFile`.
    """
    found = _find_files(paths)
    inputs = [TrackInput(AudioFile(path, strict), role) for path, role in found]
    for name, role in (roles or {}).items():
        if role not in ROLES:
            raise ValueError(f"--role {name}={role}: the roles are {', '.join(ROLES)}")
        change_track(inputs, "--role", name, role=role)
    for name in leads:
        change_track(inputs, "--lead", name, lead=True)
    for name, pan in (pans or {}).items():
        if not -1.0 <= pan <= 1.0:
            raise ValueError(f"--pan {name}={pan:g}: must be −1 (left) to 1 (right)")
        change_track(inputs, "--pan", name, pan=pan)
    for name in muted:
        change_track(inputs, "--mute", name, muted=True)
    if all(track.muted for track in inputs):
        raise ValueError("all tracks are muted")
    return inputs


def _find_files(paths: Sequence[Path]) -> list[tuple[Path, str | None]]:
    """Files with the roles that their names or folders say. ValueError as for `track_inputs`."""
    found: list[tuple[Path, str | None]] = []
    for path in paths:
        if path.is_dir():
            song = read_song_folder(path)
            if not song.tracks:
                raise ValueError(f"{path}: no tracks in this folder")
            found += [(track.path, track.role) for track in song.tracks]
        else:
            found.append((path, role_from_name(path.stem)))
    if not 1 <= len(found) <= MAX_TRACKS:
        raise ValueError(f"a song has 1–{MAX_TRACKS} tracks, got {len(found)}")
    files = Counter(path.resolve() for path, _ in found)
    for path, _ in found:
        if files[path.resolve()] > 1:
            raise ValueError(f"{path} is given twice: give each track once")
    return found


def change_track(inputs: list[TrackInput], option: str, name: str, **changes: object) -> None:
    """Change the track with a name, in place."""
    number = find_track(inputs, option, name)
    inputs[number] = replace(inputs[number], **changes)  # type: ignore[arg-type]


def has_name(track: TrackInput, name: str) -> bool:
    """Whether a track is meant: its file, with or without suffix, or its path."""
    return name in {track.name, track.file.path.stem, str(track.file.path)}


def find_track(inputs: Sequence[TrackInput], option: str, name: str) -> int:
    """Place of the track with a name. ValueError (one line) for none or several."""
    matches = [number for number, track in enumerate(inputs) if has_name(track, name)]
    if len(matches) != 1:
        names = ", ".join(track.name for track in inputs)
        reason = "no track of this name" if not matches else "several tracks of this name"
        raise ValueError(f"{option} {name}: {reason}: the tracks are {names}")
    return matches[0]


def measured(track: TrackInput) -> TrackInput:
    """The track with its loudness; a mono file counts as two equal channels."""
    meter = LoudnessMeter(track.file.sample_rate)
    for block in track.file.blocks():
        meter.push(block.expand(STEREO, -1)[None])
    return replace(track, lufs=float(meter.lufs()))


def gain_to_track_level(track: TrackInput) -> float:
    """Amplitude ratio that brings a track to TRACK_LUFS."""
    return float(10.0 ** ((TRACK_LUFS - track.lufs) / 20.0))


def song_format(inputs: Sequence[TrackInput]) -> tuple[int, int]:
    """Sample rate of the mix, the highest of the tracks, and its length in samples."""
    sample_rate = max(track.file.sample_rate for track in inputs)
    frames = max(
        round(track.start_s * sample_rate)
        - (-track.file.frames * sample_rate // track.file.sample_rate)
        for track in inputs
    )
    return sample_rate, frames


def input_notes(inputs: Sequence[TrackInput]) -> list[str]:
    """What is particular about the tracks, one line each; call after they were read."""
    sample_rate, frames = song_format(inputs)
    notes = []
    for track in inputs:
        notes += [*track.file.missing, *(f"{track.name}: {text}" for text in track.file.repairs)]
        if track.silent:
            notes.append(f"{track.name} is silent and left out")
        if track.file.sample_rate != sample_rate:
            rates = f"{track.file.sample_rate} to {sample_rate} Hz"
            notes.append(f"{track.name} is converted from {rates}")
        missing_s = frames / sample_rate - track.end_s
        if missing_s > 1.0:
            notes.append(f"{track.name} ends {missing_s:.1f} s before the longest track")
    return notes


def read_window(track: TrackInput, start_s: float, samples: int, sample_rate: int) -> Tensor:
    """An excerpt [2, samples] at a sample rate; silence outside the file."""
    first = round((start_s - track.start_s) * sample_rate)
    audio = read_resampled(
        track.file.read_samples, track.file.sample_rate, first, samples, sample_rate
    )
    return pad(torch.as_tensor(audio), (0, samples - audio.shape[-1])).expand(STEREO, -1)
