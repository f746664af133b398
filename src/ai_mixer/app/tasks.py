"""What jobs do: decode and measure, compose the sample song, predict settings, export.

They run in a process of their own (`worker.py`). Results are JSON; audio goes to the song's folder.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import soundfile
from torch import Tensor

from ai_mixer.app.errors import AppError, error_line
from ai_mixer.app.exporting import export
from ai_mixer.app.jobs import Report
from ai_mixer.app.library import AUDIO, REFERENCE, SOURCE, Library, new_id
from ai_mixer.app.limits import Limits
from ai_mixer.app.prediction import predict
from ai_mixer.app.track_tasks import (
    LOUD_EXCERPT_S,
    compose_tracks,
    export_track_mix,
    import_tracks,
    predict_track_settings,
)
from ai_mixer.audio import AudioFile
from ai_mixer.mixing.measurements import measure
from ai_mixer.utils.log import logger
from ai_mixer.utils.parallel import single_threaded

DEMO_LENGTH_S = 24.0


def run_task(
    home: Path, kind: str, song: str, arguments: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Run a job of a kind, a key of TASKS. AppError (one line) for all that goes wrong."""
    library = Library(home, Limits())
    try:
        with single_threaded():
            return TASKS[kind](library, song, arguments, report)
    except Exception as error:
        if not isinstance(error, ValueError | OSError):
            logger.exception("job %s failed", kind)
        raise AppError(error_line(error, library.songs / song)) from error


def import_audio(
    library: Library, song: str, arguments: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Decode an uploaded file, and measure it. arguments: which, SOURCE or REFERENCE."""
    which = arguments.get("which", SOURCE)
    try:
        facts = _decode(library, song, which, report)
    except Exception:
        if which == SOURCE:
            library.update(song, state="failed")
        raise
    if which == REFERENCE:
        library.update(song, reference=facts)
    else:
        library.update(song, **facts, state="ready")
    return facts


def compose_demo(
    library: Library, song: str, arguments: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Compose the sample song, as a rough mix, and import it."""
    from ai_mixer.mixing.demo_song import write_rough_demo

    report(0.05, "composing a song")
    folder = library.folder(song) / SOURCE
    folder.mkdir(exist_ok=True)
    write_rough_demo(folder / "sample song.wav", DEMO_LENGTH_S)
    return import_audio(library, song, {}, lambda part, text: report(0.6 + 0.4 * part, text))


def predict_settings(
    library: Library, song: str, arguments: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Ask a model for settings: see `prediction.predict`."""
    other = library.file(song, REFERENCE) if arguments.get("reference") else None
    return predict(library.file(song, SOURCE), other, arguments, report)


def export_mix(
    library: Library, song: str, arguments: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Write the mix with settings and report; result: names of the files."""
    identifier = new_id()
    folder = library.folder(song) / "exports" / identifier
    folder.mkdir(parents=True)
    title = Path(library.facts(song)["name"]).stem
    report(0.05, "rendering")
    files = export(library.file(song, SOURCE), folder, title, arguments, report)
    return {"id": identifier, **files}


TASKS: dict[str, Callable[[Library, str, dict[str, Any], Report], dict[str, Any]]] = {
    "import": import_audio,
    "demo": compose_demo,
    "predict": predict_settings,
    "export": export_mix,
    "import tracks": import_tracks,
    "demo tracks": compose_tracks,
    "predict tracks": predict_track_settings,
    "export tracks": export_track_mix,
}


def _decode(library: Library, song: str, which: str, report: Report) -> dict[str, Any]:
    """Write the decoded audio of a file and return its facts."""
    report(0.05, "decoding")
    file = AudioFile(library.file(song, which))
    if file.duration_s > library.limits.duration_s:
        minutes = library.limits.duration_s / 60
        raise AppError(
            f"{file.path.name} has {file.duration_s / 60:.0f} min, the limit is {minutes:.0f}"
        )
    out = library.folder(song) / AUDIO[which]
    draft = out.with_suffix(".part")
    with soundfile.SoundFile(
        draft, "w", file.sample_rate, file.channels, format="WAV", subtype="FLOAT"
    ) as target:

        def written() -> Iterator[Tensor]:
            done = 0
            for block in file.blocks():
                target.write(block.T.numpy())
                done += block.shape[-1]
                report(0.05 + 0.9 * min(1.0, done / max(1, file.frames)), "decoding")
                yield block

        measured = measure(written(), file.sample_rate)
    draft.replace(out)
    return {
        "sample_rate": file.sample_rate,
        "channels": file.channels,
        "duration_s": measured.duration_s,
        "loudest_s": measured.loudest_start_s(LOUD_EXCERPT_S),
        "measured": measured.to_dict(),
        "notes": file.warnings,
        "file": file.path.name,
    }
