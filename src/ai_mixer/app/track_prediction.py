"""Settings of several tracks that a model predicts; without a model, equal loudness."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ai_mixer.app.jobs import Report
from ai_mixer.audio import AudioFile
from ai_mixer.console import load_console
from ai_mixer.inference import pretrained
from ai_mixer.inference.track_predictor import load_track_model
from ai_mixer.mixing.track_inputs import measured, track_inputs
from ai_mixer.mixing.track_settings import (
    apply_options,
    neutral_knobs,
    predicted_knobs,
    settings_of_tracks,
)
from ai_mixer.mixing.track_starts import with_starts


def predict_tracks(
    paths: Sequence[Path], reference: Path | None, arguments: Mapping[str, Any], report: Report
) -> dict[str, Any]:
    """Predict settings of a song: settings by the names of tracks, a note, what they are called.

    arguments: model (name or folder, None for equal loudness), roles (name → role or None), leads,
    muted (names). Muted and silent tracks have no settings. ValueError or OSError (one line).
    """
    model, roles = arguments.get("model"), arguments.get("roles", {})
    report(0.05, "loading the model" if model else "measuring")
    predictor = load_track_model(model) if model else None
    console = predictor.console if predictor else load_console("studio")
    report(0.2, "measuring")
    inputs = track_inputs(paths, leads=arguments.get("leads", ()), muted=arguments.get("muted", ()))
    inputs = with_starts(inputs)
    inputs = [replace(track, role=roles.get(track.name, track.role)) for track in inputs]
    active = [track for track in inputs if not track.muted]
    active = [track for track in map(measured, active) if not track.silent]
    if not active:
        raise ValueError("all tracks are silent or muted")
    knobs = neutral_knobs(console, len(active))
    if predictor:
        report(0.5, "predicting")
        knobs = predicted_knobs(predictor, active, AudioFile(reference) if reference else None)
    knobs = apply_options(console, knobs, active)
    return {
        "settings": settings_of_tracks(console, knobs, active),
        "about": arguments.get("title") or _title(model),
        "note": "" if reference is None or model else "Equal loudness uses no reference.",
    }


def _title(model: str | None) -> str:
    if model is None:
        return "Equal loudness"
    return pretrained.display_name(model) if model in pretrained.list_track_models() else "Model"
