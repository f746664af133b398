"""Settings that a model, or the rules of mastering, predict for a song."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ai_mixer.app.jobs import Report
from ai_mixer.audio import AudioFile
from ai_mixer.inference import pretrained
from ai_mixer.mixing.apply_options import apply_mix_options
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.master import CONSOLE_NAME as MASTERING
from ai_mixer.mixing.master_settings import master_settings
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_console import MixConsole, console_of, named_console
from ai_mixer.mixing.mix_options import MUSICAL, WIDE, MixOptions
from ai_mixer.mixing.model_lookup import resolve_model
from ai_mixer.mixing.reference_songs import ReferenceSongs


def predict(
    path: Path, reference: Path | None, arguments: Mapping[str, Any], report: Report
) -> dict[str, Any]:
    """Predict settings of a song: console, settings, a note and what they are called.

    arguments: console ("classic" or "mastering"), model (None for the default), style, locked
    (knob → value that stays). With a reference, the matching equaliser of `mix` and `master` is
    left out: it has 93 ms of latency and cannot be played live. ValueError or OSError (one line).
    """
    song = AudioFile(path)
    references = ReferenceSongs.read({AudioFile(reference): 1.0} if reference else {}, song)
    known = references if references.files else None
    options = MixOptions(fixed_settings=arguments.get("locked", {}), style=arguments.get("style"))
    if arguments.get("console") == MASTERING:
        result = _master(song, known, options, report)
    else:
        result = _mix(song, known, options, arguments.get("model"), report)
    notes = [*references.notes, *result.pop("unusual", ())]
    return {**result, "note": "; ".join(notes)}


def _mix(
    song: AudioFile,
    references: ReferenceSongs | None,
    options: MixOptions,
    model: str | None,
    report: Report,
) -> dict[str, Any]:
    report(0.1, "loading the model")
    console = console_of(resolve_model(model, blind=references is None)[1])
    console.check(options)
    report(0.3, "listening")
    preset = AudioMixer(model).predict_preset(
        song, _measured(song.path), model, references, options, adaptive=False
    )
    return {
        "console": _name_of(console),
        "settings": preset.settings,
        "about": _title(preset.model) + (", reference" if references else ""),
        "unusual": preset.unusual,
    }


def _master(
    song: AudioFile, references: ReferenceSongs | None, options: MixOptions, report: Report
) -> dict[str, Any]:
    console = named_console(MASTERING)
    console.check(options)
    report(0.2, "measuring")
    before = _measured(song.path)
    report(0.6, "choosing settings")
    settings = apply_mix_options(
        master_settings(song, before, console.console, references),
        console.knobs,
        options,
        console.limits(WIDE if references else MUSICAL),
        console.shapes,
    )
    about = "Mastering" + (", reference" if references else "")
    return {"console": MASTERING, "settings": settings, "about": about}


@lru_cache(maxsize=8)
def _measured(path: Path) -> Measurements:
    """Measurements of a file; the files of the application do not change."""
    song = AudioFile(path)
    return measure(song.blocks(), song.sample_rate)


def _name_of(console: MixConsole) -> str:
    """Name of a console that the page has. ValueError (one line) for another one."""
    if not isinstance(console.entry, str):
        raise ValueError("this model has a console of its own, which the page cannot play")
    return console.entry


def _title(model: str | None) -> str:
    if model in pretrained.list_models():
        return pretrained.display_name(str(model))
    return "Model of the run"
