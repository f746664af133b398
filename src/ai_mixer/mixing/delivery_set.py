"""The files of a delivery: 24-bit WAV and MP3 at −14 and at −9 LUFS, from one master."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ai_mixer.audio import AudioFile
from ai_mixer.mixing.formatting import with_minus
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.paths import check_not_existing, check_outputs
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.render import render_file
from ai_mixer.utils.atomic_write import exclusive_write

TARGETS_LUFS = (-14.0, -9.0)  # playback level of the large services; loud
SUFFIXES = (".wav", ".mp3")
SUBTYPE = "PCM_24"
TOLERANCE_LU = 0.1


class DeliveredFile(NamedTuple):
    """A file of a delivery, with what was measured on it; note: why it is quieter than asked."""

    path: Path
    loudness_lufs: float
    true_peak_db: float
    reduction_db: float
    note: str = ""


def delivery_files(output: Path) -> dict[Path, float]:
    """Files next to a result, with their loudness.

    >>> [path.name for path in delivery_files(Path("song_mastered.flac"))][:2]
    ['song_mastered_14LUFS.wav', 'song_mastered_14LUFS.mp3']
    """
    return {
        output.with_name(f"{output.stem}_{-target:.0f}LUFS{suffix}"): target
        for target in TARGETS_LUFS
        for suffix in SUFFIXES
    }


def check_delivery(
    output: Path, written: Sequence[Path], inputs: Sequence[Path], force: bool
) -> None:
    """OSError (one line) if a file would be lost. written: other files of the command."""
    files = delivery_files(output)
    check_outputs([*files, *written], inputs)
    check_not_existing(files, force)


def write_delivery(
    song: AudioFile, before: Measurements, preset: Preset, output: Path, force: bool
) -> list[DeliveredFile]:
    """Render a song with the settings of its master for each file. All are written, or none."""
    delivered = []
    with ExitStack() as stack:
        for path, target_lufs in delivery_files(output).items():
            draft = stack.enter_context(exclusive_write(path, force))
            own = replace(preset, target_lufs=target_lufs)
            rendered = render_file(song, before, own, draft, subtype=SUBTYPE)
            after = rendered.measurements
            short = target_lufs - after.loudness_lufs
            note = ""
            if short > TOLERANCE_LU and not before.silent:
                note = (
                    f"{short:.1f} LU below {with_minus(f'{target_lufs:g}')} LUFS, with "
                    f"{own.max_reduction_db:g} dB of limiting: --limiter allows more"
                )
            figures = after.loudness_lufs, after.true_peak_db, rendered.delivered.reduction_db
            delivered.append(DeliveredFile(path, *figures, note))
    return delivered
