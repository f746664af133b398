"""Write a mix of several tracks with the settings of the page, its stems and DAW projects."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ai_mixer.app.archive import pack
from ai_mixer.app.jobs import Report
from ai_mixer.app.library import safe_name
from ai_mixer.app.schemas import AUDIBLE
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.paths import ResultFiles
from ai_mixer.mixing.track_mix import TrackMixResult
from ai_mixer.plugin.track_project import write_track_project


def export_tracks(
    paths: Sequence[Path],
    folder: Path,
    title: str,
    arguments: Mapping[str, Any],
    report: Report,
) -> dict[str, Any]:
    """Export a song; returns {"files": names, "measured": …, "notes": lines}.

    arguments: settings (of the console `studio`, by the names of tracks), muted (names), format,
    target (AUDIBLE for the limiter of the console without delivery, None for −14 LUFS, a name or
    LUFS), ceiling_db, stems, daw (both: True for a zip file). ValueError or OSError (one line).
    """
    name = f"{safe_name(f'{title}.x')[:-2]} (mix)"
    audio = folder / f"{name}.{arguments.get('format', 'wav')}"
    files = ResultFiles(audio, audio.with_suffix(".json"), audio.with_suffix(".html"))
    settings, target = arguments["settings"], arguments.get("target", AUDIBLE)
    roles = {track["name"]: track["role"] for track in settings["tracks"] if track.get("role")}
    report(0.1, "rendering")
    with tempfile.TemporaryDirectory(dir=folder) as work:
        result = AudioMixer().mix_tracks(
            paths,
            files,
            settings=settings,
            roles=roles,
            muted=arguments.get("muted", ()),
            target_lufs=None if target == AUDIBLE else target,
            deliver=target != AUDIBLE,
            ceiling_db=arguments.get("ceiling_db", -1.0),
            progress=lambda share: report(0.1 + 0.6 * share, "rendering"),
            stems=Path(work) / "stems" if arguments.get("stems") else None,
        )
        written = [file.name for file in files.paths()]
        if result.stems:
            report(0.9, "packing the stems")
            written.append(pack(Path(work) / "stems", folder / f"{name} stems.zip").name)
        if arguments.get("daw"):
            report(0.95, "packing the DAW projects")
            daw = _write_projects(result, paths, Path(work) / "daw", name)
            written.append(pack(daw, folder / f"{name} DAW.zip").name)
    report(1.0, "written")
    return {
        "files": written,
        "measured": result.measurements.to_dict(),
        "notes": list(result.notes),
    }


def _write_projects(result: TrackMixResult, paths: Sequence[Path], folder: Path, name: str) -> Path:
    """A folder with the projects and the tracks that they play."""
    (folder / "audio").mkdir(parents=True)
    used = {track["name"] for track in result.settings["tracks"]}
    copies = [
        Path(shutil.copy(path, folder / "audio" / path.name)) for path in paths if path.name in used
    ]
    write_track_project(result._replace(output=folder / f"{name}.wav"), copies, False)
    return folder
