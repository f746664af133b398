"""What the page can choose from: consoles with their knobs and equaliser bands, models, styles."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from ai_mixer.app.engine import BUSES, CONSOLE_NAMES, ENGINE_NAMES, console_chain, console_entry
from ai_mixer.app.limits import EXPORT_FORMATS, Limits
from ai_mixer.app.schemas import AUDIBLE
from ai_mixer.core.track import MAX_TRACKS, ROLES
from ai_mixer.core.version import __version__
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.streaming_chain import KernelKind
from ai_mixer.inference import pretrained
from ai_mixer.inference.track_predictor import CARD_KEY as TRACKS_KEY
from ai_mixer.mastering.delivery import TARGETS_LUFS
from ai_mixer.mixing.mix_options import KNOB_GROUPS, STYLES

EQ_FORMULAS = {
    Formula.PEAK: "peak",
    Formula.PRESENCE: "presence",
    Formula.LOW_SHELF: "low_shelf",
    Formula.HIGH_SHELF: "high_shelf",
    Formula.LOW_CUT: "low_cut",
}


def describe_app(limits: Limits, models: Mapping[str, Path]) -> dict[str, Any]:
    """Everything that does not depend on a song, for JSON. models: title → folder of further ones.

    ValueError (one line) if the page cannot play the console of such a model.
    """
    several = {title: folder for title, folder in models.items() if _has_tracks(folder)}
    single = {title: folder for title, folder in models.items() if title not in several}
    return {
        "version": __version__,
        "limits": asdict(limits),
        "consoles": {name: describe_console(name) for name in ENGINE_NAMES},
        "models": [*(_own_model(*model) for model in single.items()), *list_models()],
        "tracks": {
            "models": [*(_track_model(*m) for m in several.items()), *list_track_models()],
            "roles": list(ROLES),
            "buses": list(BUSES),
            "max": MAX_TRACKS,
        },
        "styles": {name: style.about for name, style in STYLES.items()},
        "targets": [AUDIBLE, *TARGETS_LUFS],
        "formats": list(EXPORT_FORMATS),
    }


@lru_cache
def describe_console(name: str) -> dict[str, Any]:
    """Knobs of a console with their groups, and the filters that its curve is drawn from.

    A filter's arguments are numbers or names of knobs, in the order of `dsp.formulas`. shape: the
    knob has no amount of its own, such as a frequency.
    """
    console = console_chain(name)
    group_of = {knob: group for group, knobs in KNOB_GROUPS.items() for knob in knobs}
    shapes = {
        console.names[column]
        for effect, columns in console.effects_with_columns()
        for argument, column in columns.items()
        if argument in effect.shape_knobs
    }
    knobs = [
        {
            **knob,
            "group": name if name in BUSES else group_of.get(knob["name"]) or _group(knob["name"]),
            "shape": name in BUSES or knob["name"] in shapes,
        }
        for knob in console_entry(name)
    ]
    filters = []
    for effect, columns in console.effects_with_columns():
        kernel = effect.streaming_kernel()
        if kernel.kind == KernelKind.FILTER and kernel.formula in EQ_FORMULAS:
            arguments = [console.names[columns[a]] if a in columns else a for a in kernel.arguments]
            filters.append({"kind": EQ_FORMULAS[kernel.formula], "arguments": arguments})
    return {"knobs": knobs, "filters": filters}


def _group(knob: str) -> str:
    """Group of a knob of `studio`."""
    first = knob.split("_", maxsplit=1)[0]
    if first in {"low", "high", "peak1", "peak2"}:
        return "eq"
    if knob.endswith("_send"):
        return "send"
    return {"compressor": "compressor", "pan": "width", "width": "width"}.get(first, "gain")


def list_models() -> list[dict[str, Any]]:
    """Packaged models whose console the page can play, the default first."""
    models = []
    for name in pretrained.list_models():
        console = _console_of(pretrained.model_folder(name))
        if console:
            title, about = pretrained.display_name(name), pretrained.model_summary(name)
            models.append({"name": name, "title": title, "about": about, "console": console})
    return models


def list_track_models() -> list[dict[str, Any]]:
    """Packaged models of several tracks, the default first."""
    return [
        {
            "name": name,
            "title": pretrained.display_name(name),
            "about": pretrained.model_summary(name),
        }
        for name in pretrained.list_track_models()
    ]


def _track_model(title: str, folder: Path) -> dict[str, Any]:
    return {"name": str(folder), "title": title, "about": ""}


def _card(model: Path) -> dict[str, Any]:
    return dict(json.loads((model / pretrained.CARD).read_text(encoding="utf-8")))


def _has_tracks(model: Path) -> bool:
    return TRACKS_KEY in _card(model)


def _own_model(title: str, folder: Path) -> dict[str, Any]:
    console = _console_of(folder)
    if console is None:
        names = " and ".join(CONSOLE_NAMES)
        raise ValueError(f"{title} has a console of its own: the page plays {names}")
    return {"name": str(folder), "title": title, "about": "", "console": console}


def _console_of(model: Path) -> str | None:
    """Name of the page's console that has the knobs of a model."""
    card = _card(model)
    if TRACKS_KEY in card:
        return None
    knobs = {knob["name"] for knob in card["knobs"]}
    consoles = {name: {knob["name"] for knob in console_entry(name)} for name in CONSOLE_NAMES}
    return next((name for name, names in consoles.items() if names == knobs), None)
