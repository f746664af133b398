"""`ai-mixer mix --tracks`: all files are tracks of one song."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ai_mixer.cli.commands.numbers import Assignment
from ai_mixer.cli.commands.parsing import print_line
from ai_mixer.cli.commands.pipes import reject_pipe

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_options import MixOptions


def is_song_archive(paths: Sequence[Path]) -> bool:
    """Whether the only input is a zip file, which holds the tracks of a song.

    ValueError (one line) for a zip file among other inputs.
    """
    archives = [path for path in paths if path.suffix.lower() == ".zip" and not path.is_dir()]
    if archives and len(paths) > 1:
        raise ValueError(
            f"{archives[0]}: mix a zip file alone, or its tracks and others with --tracks"
        )
    return bool(archives)


def run_mix_tracks(
    paths: Sequence[Path],
    output: Path | None,
    model: str | None,
    references: Sequence[Path],
    mix_options: "MixOptions",
    roles: Sequence[str],
    leads: Sequence[str],
    pans: Sequence[Assignment],
    muted: Sequence[str],
    starts: Sequence[Assignment],
    stems: Path | None,
    target: float | str | None,
    ceiling_db: float,
    strict: bool,
    force: bool,
    daw: bool,
    refused: Mapping[str, object],
) -> None:
    """Mix and print a summary. refused: options of one file that have no meaning for tracks."""
    for option, value in refused.items():
        if value:
            raise ValueError(f"{option} is not available with --tracks")
    for path in [*paths, *([output] if output else [])]:
        reject_pipe("--tracks", path)
    if len(references) > 1:
        raise ValueError("--reference: one song with --tracks")
    from ai_mixer.mixing.audio_mixer import AudioMixer
    from ai_mixer.mixing.paths import check_not_existing
    from ai_mixer.mixing.track_archive import is_archive
    from ai_mixer.mixing.track_inputs import track_inputs
    from ai_mixer.mixing.track_mix import default_mix_path
    from ai_mixer.plugin.track_project import project_paths, write_track_project

    if daw:
        for archive in filter(is_archive, paths):
            raise ValueError(f"{archive}: unpack it for --daw: the projects play its files")
        check_not_existing(project_paths(output or default_mix_path(paths)), force)
    result = AudioMixer(model).mix_tracks(
        paths,
        output,
        roles=dict(_role(text) for text in roles),
        leads=leads,
        pans={str(pan.name): pan.value for pan in pans},
        muted=muted,
        starts_s={str(start.name): start.value for start in starts},
        mix_options=mix_options,
        reference=references[0] if references else None,
        target_lufs=target,
        ceiling_db=ceiling_db,
        stems=stems,
        strict=strict,
        force=force,
    )
    tracks, after = result.settings["tracks"], result.measurements
    print_line(f"{len(tracks)} tracks → {result.output}")
    for track in tracks:
        role = track.get("role", "no role")
        print_line(
            f"  {track['name']} ({role}): {track['fader_db']:+.1f} dB, pan {track['pan']:+.2f}"
        )
    print_line(f"  {after.loudness_lufs:.1f} LUFS, true peak {after.true_peak_db:.1f} dBTP")
    if result.stems:
        print_line(f"  {len(result.stems)} stems: {result.stems[0].parent}")
    if daw:
        files = [track.file.path for track in track_inputs(paths)]
        for project in write_track_project(result, files, force):
            print_line(f"  project: {project}")
    for note in result.notes:
        print_line(f"  note: {note}")


def _role(text: str) -> tuple[str, str]:
    name, equals, role = text.rpartition("=")
    if not equals or not name:
        raise ValueError(f"--role {text}: give FILE=ROLE, e.g. vox.wav=vocals")
    return name, role
