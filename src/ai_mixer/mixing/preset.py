"""Settings as a file: what to set on the console, and how loud the result is to be.

A preset only chooses numbers and known names. The same preset on the same song gives the same
samples.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ai_mixer.core.version import __version__
from ai_mixer.effects.limiter import Limiter
from ai_mixer.mastering.delivery import TARGETS_LUFS, loudness_bounds
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.mix_options import KnobValues
from ai_mixer.utils.atomic_write import write_text

FORMAT = 1
MAX_FILE_BYTES = 1 << 20
MAX_SECTIONS = 1000
REQUIRED_KEYS = ("format", "console", "settings")


@dataclass(frozen=True)
class PresetSection:
    """From there on, these settings."""

    start_s: float
    settings: KnobValues


@dataclass(frozen=True)
class Preset:
    """What a song is mixed with.

    sections: where the settings follow the song, one after the other, the first at 0 s; else one.
    target: as `deliver` takes it; None keeps the song's own loudness. expand_db: what the peaks
    rise by. model, about: where it comes from, for people.
    """

    sections: tuple[PresetSection, ...]
    target: float | str | None = None
    ceiling_db: float = -1.0
    expand_db: float = 0.0
    model: str | None = None
    about: str = ""
    song: str | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> KnobValues:
        """The settings, or those of the first section."""
        return self.sections[0].settings


def single_section_preset(settings: Mapping[str, float], **more: Any) -> Preset:
    """A preset with the same settings for the whole song."""
    return Preset((PresetSection(0.0, dict(settings)),), **more)


def save_preset(preset: Preset, path: Path) -> None:
    """Write it; whole or not at all."""
    sections = [{"start_s": s.start_s, "settings": s.settings} for s in preset.sections]
    page = {
        "format": FORMAT,
        "made_by": f"ai_mixer {__version__}",
        "about": preset.about,
        "model": preset.model,
        "song": preset.song,
        "console": console_cache.CONSOLE_NAME,
        "settings": preset.settings,
        **({"sections": sections} if len(sections) > 1 else {}),
        "target": preset.target,
        "ceiling_db": preset.ceiling_db,
        "expand_db": preset.expand_db,
        "measured": preset.measured,
    }
    write_text(path, json.dumps(page, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def load_preset(path: str | Path) -> Preset:
    """Read one, checked. ValueError in one line that says what is wrong with it."""
    path = Path(path)
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8") if size <= MAX_FILE_BYTES else ""
        page = json.loads(text)
    except OSError as error:
        raise FileNotFoundError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no preset: it is not JSON") from error
    try:
        return _preset(page)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _preset(page: Any) -> Preset:
    if not isinstance(page, dict):
        raise ValueError("is no preset: it holds no {…}")
    if page.get("format") != FORMAT:
        raise ValueError(
            f"has format {_format_value(page.get('format'))}, this version reads {FORMAT}: "
            "save it again with the ai_mixer it was made with"
        )
    missing = [name for name in REQUIRED_KEYS if name not in page]
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}")
    if page["console"] != console_cache.CONSOLE_NAME:
        raise ValueError(
            f"console is {_format_value(page['console'])}: there is {console_cache.CONSOLE_NAME}"
        )
    return Preset(
        sections=_sections(page),
        target=_target(page.get("target")),
        ceiling_db=_ceiling(page.get("ceiling_db", -1.0)),
        expand_db=_number("expand_db", page.get("expand_db", 0.0), 0.0, 6.0),
        model=_text(page, "model"),
        about=_text(page, "about") or "",
        song=_text(page, "song"),
    )


def _sections(page: dict[str, Any]) -> tuple[PresetSection, ...]:
    given = page.get("sections")
    if given is None:
        return (PresetSection(0.0, _settings(page["settings"])),)
    if not isinstance(given, list) or not 0 < len(given) <= MAX_SECTIONS:
        raise ValueError(f"sections must be a list of 1 to {MAX_SECTIONS}")
    sections = []
    for entry in given:
        if not isinstance(entry, dict) or "start_s" not in entry or "settings" not in entry:
            raise ValueError("each section needs start_s and settings")
        start_s = _number("start_s", entry["start_s"], 0.0, 1e6)
        sections.append(PresetSection(start_s, _settings(entry["settings"])))
    starts = [section.start_s for section in sections]
    if starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
        raise ValueError("sections must begin at 0 s and follow one another")
    return tuple(sections)


def _settings(given: Any) -> KnobValues:
    if not isinstance(given, dict):
        raise ValueError("settings must be {knob: value}")
    known = console_cache.knobs_by_name()
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"no knob named {_format_value(unknown[0])}: there is {', '.join(known)}")
    return {
        name: _number(name, given.get(name, knob.neutral), knob.low, knob.high)
        for name, knob in known.items()
    }


def _number(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number, got {_format_value(value)}")
    if not low <= value <= high:  # nor NaN, nor a whole number too large for a float
        raise ValueError(f"{name} is {_format_value(value)}: it goes from {low:g} to {high:g}")
    return float(value)


def _target(value: Any) -> float | str | None:
    if isinstance(value, str) and value not in TARGETS_LUFS:
        raise ValueError(f"target is {_format_value(value)}: a number or {', '.join(TARGETS_LUFS)}")
    if value is None or isinstance(value, str):
        return value
    number = _number("target", value, -60.0, 0.0)
    loudness_bounds(number)
    return number


def _ceiling(value: Any) -> float:
    ceiling_db = _number("ceiling_db", value, -60.0, 0.0)
    Limiter(ceiling_db)
    return ceiling_db


def _text(page: dict[str, Any], name: str) -> str | None:
    value = page.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {_format_value(value)}")
    return value


def _format_value(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else text[:39] + "…"
