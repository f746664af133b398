"""What jobs do for songs of several tracks: decode, sum, compose a sample, predict, export."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import soundfile
import torch
from torch import Tensor

from ai_mixer.app.errors import AppError
from ai_mixer.app.jobs import Report
from ai_mixer.app.library import AUDIO, REFERENCE, SOURCE, Library, new_id
from ai_mixer.app.track_exporting import export_tracks
from ai_mixer.app.track_prediction import predict_tracks
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.track_inputs import (
    BLOCK_SAMPLES,
    SILENT_LUFS,
    STEREO,
    TrackInput,
    gain_to_track_level,
    input_notes,
    measured,
    song_format,
    track_inputs,
)
from ai_mixer.mixing.track_starts import start_notes, with_starts

SAMPLE_GENRE, SAMPLE_LENGTH_S, SAMPLE_SEED, SAMPLE_RATE = "rock", 24.0, 0, 44_100
LOUD_EXCERPT_S = 10.0  # of the page's loudness match


def import_tracks(
    library: Library, song: str, arguments: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Decode the tracks at one sample rate, measure them, and write their sum as the rough mix."""
    try:
        facts = _decode(library, song, report)
    except Exception:
        library.update(song, state="failed")
        raise
    library.update(song, **facts, state="ready")
    return facts


def compose_tracks(
    library: Library, song: str, arguments: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Compose the sample song with every instrument as a track, and import it."""
    from ai_mixer.data.band.generate import SongJob
    from ai_mixer.data.band.generate_tracks import synthesise_tracks

    report(0.05, "composing a song")
    folder = library.folder(song) / SOURCE
    folder.mkdir(exist_ok=True)
    job = SongJob(SAMPLE_GENRE, 0)
    tracks = synthesise_tracks(job, SAMPLE_LENGTH_S, SAMPLE_SEED, SAMPLE_RATE)
    for number, (name, audio) in enumerate(tracks.items()):
        level = 0.3 + 0.7 * (number * 5 % 7) / 6  # a balance that is not finished
        file = folder / f"{name.replace('_', ' ')}.wav"
        soundfile.write(file, level * audio.T, SAMPLE_RATE, subtype="PCM_24")
    return import_tracks(library, song, {}, lambda part, text: report(0.5 + 0.5 * part, text))


def predict_track_settings(
    library: Library, song: str, arguments: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Ask a model of several tracks for settings: see `track_prediction.predict_tracks`."""
    other = library.file(song, REFERENCE) if arguments.get("reference") else None
    return predict_tracks(library.files(song), other, arguments, report)


def export_track_mix(
    library: Library, song: str, arguments: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Write the mix with settings and report, stems and DAW projects; names of the files."""
    identifier = new_id()
    folder = library.folder(song) / "exports" / identifier
    folder.mkdir(parents=True)
    title = Path(library.facts(song)["name"]).stem
    return {
        "id": identifier,
        **export_tracks(library.files(song), folder, title, arguments, report),
    }


def _decode(library: Library, song: str, report: Report) -> dict[str, Any]:
    """Write the decoded tracks and their sum; the facts of the song."""
    report(0.02, "decoding")
    inputs = with_starts(track_inputs(library.files(song)))
    for track in inputs:
        _check_length(library, track)
    folder, count = library.track_folder(song), len(inputs)
    rate, frames = song_format(inputs)
    with tempfile.TemporaryDirectory(dir=library.folder(song)) as work:
        buffer = torch.from_file(str(Path(work) / "sum"), shared=True, size=STEREO * frames)
        rough = buffer.zero_().view(STEREO, frames)
        for number, track in enumerate(inputs):
            report(0.02 + 0.85 * number / count, f"decoding {track.name}")
            inputs[number] = _decode_track(track, folder / f"{number}.wav", rough, rate)
        report(0.9, "measuring the sum")
        rough /= max(1.0, float(rough.abs().max()))  # the sum of many tracks would clip
        blocks = list(torch.split(rough, BLOCK_SAMPLES, 1))
        measurements = measure(blocks, rate)
        _write(library.folder(song) / AUDIO[SOURCE], blocks, rate, STEREO)
    return {
        "sample_rate": rate,
        "channels": STEREO,
        "duration_s": measurements.duration_s,
        "loudest_s": measurements.loudest_start_s(LOUD_EXCERPT_S),
        "measured": measurements.to_dict(),
        "notes": [*input_notes(inputs), *start_notes(inputs)],
        "file": f"{count} tracks",
        "tracks": [_facts(track) for track in inputs],
    }


def _check_length(library: Library, track: TrackInput) -> None:
    limit_s = library.limits.duration_s
    if track.file.duration_s > limit_s:
        minutes = track.file.duration_s / 60
        raise AppError(f"{track.name} has {minutes:.0f} min, the limit is {limit_s / 60:.0f}")


def _decode_track(track: TrackInput, out: Path, rough: Tensor, sample_rate: int) -> TrackInput:
    """Write a track as it enters its strip except for the gain, add it to the sum, measure it."""
    channels = min(STEREO, track.file.channels)

    def blocks() -> Iterator[Tensor]:
        first = 0
        for block in track.blocks(sample_rate, rough.shape[1]):
            rough[:, first : first + block.shape[1]] += block
            first += block.shape[1]
            yield block[:channels]

    _write(out, blocks(), sample_rate, channels)
    return measured(track)


def _write(path: Path, blocks: Iterator[Tensor] | Sequence[Tensor], rate: int, chans: int) -> None:
    """Write a WAV file of float32."""
    draft = path.with_suffix(".part")
    with soundfile.SoundFile(draft, "w", rate, chans, format="WAV", subtype="FLOAT") as target:
        for block in blocks:
            target.write(block.T.numpy())
    draft.replace(path)


def _facts(track: TrackInput) -> dict[str, Any]:
    """A track as the page needs it. gain: in front of its strip, an amplitude ratio."""
    return {
        "name": track.name,
        "role": track.role,
        "channels": min(STEREO, track.file.channels),
        "silent": track.silent,
        "gain": 0.0 if track.silent else gain_to_track_level(track),
        "lufs": max(SILENT_LUFS, track.lufs),
    }
