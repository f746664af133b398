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
from ai_mixer.mixing.reference_check import check_reference


def predict(
    path: Path, reference: Path | None, arguments: Mapping[str, Any], report: Report
) -> dict[str, Any]:
    """Predict settings of a song: console, settings, a note and what they are called.

    arguments: console ("classic" or "mastering"), model (None for the default), style, locked
    (knob → value that stays). ValueError or OSError (one line).
    """
    song = AudioFile(path)
    other = AudioFile(reference) if reference else None
    note = check_reference(other, song) if other else ""
    options = MixOptions(fixed_settings=arguments.get("locked", {}), style=arguments.get("style"))
    if note:
        other = None
    if arguments.get("console") == MASTERING:
        result = _master(song, other, options, report)
    else:
        result = _mix(song, other, options, arguments.get("model"), report)
    return {**result, "note": note}


def _mix(
    song: AudioFile,
    other: AudioFile | None,
    options: MixOptions,
    model: str | None,
    report: Report,
) -> dict[str, Any]:
    report(0.1, "loading the model")
    console = console_of(resolve_model(model)[1])
    console.check(options)
    report(0.3, "listening")
    preset = AudioMixer(model).predict_preset(
        song, _measured(song.path), model, other, options, adaptive=False
    )
    return {
        "console": _name_of(console),
        "settings": preset.settings,
        "about": _title(preset.model) + (", reference" if other else ""),
    }


def _master(
    song: AudioFile, other: AudioFile | None, options: MixOptions, report: Report
) -> dict[str, Any]:
    console = named_console(MASTERING)
    console.check(options)
    report(0.2, "measuring")
    before = _measured(song.path)
    target = _measured(other.path) if other else None
    report(0.6, "choosing settings")
    settings = apply_mix_options(
        master_settings(song, before, console.console, other, target),
        console.knobs,
        options,
        console.limits(WIDE if other else MUSICAL),
        console.shapes,
    )
    about = "Mastering" + (", reference" if other else "")
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
