"""Presets: the settings of a mix and its loudness target, as JSON files.

A preset holds numbers and known names only. The same preset and song give the same samples.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ai_mixer.core.version import __version__
from ai_mixer.effects.limiter import Limiter
from ai_mixer.mastering.delivery import TARGETS_LUFS
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.mix_options import KnobValues
from ai_mixer.utils.atomic_write import write_text

FORMAT = 1
MAX_FILE_BYTES = 1 << 20
MAX_SECTIONS = 1000
SAVED_TARGETS_LUFS = (-200.0, 10.0)  # wider than a user's: `match` saves that of any finished song
REQUIRED_KEYS = ("format", "console", "settings")


@dataclass(frozen=True)
class PresetSection:
    """Settings from a time on."""

    start_s: float
    settings: KnobValues


@dataclass(frozen=True)
class Preset:
    """Settings of a mix.

    sections: in order of time, the first at 0 s; one unless the settings change over the song.
    target_lufs: as `deliver` takes it; None keeps the song's loudness. expand_db: gain of the
    loudest moments. model, about, song, measured: information for the user.
    """

    sections: tuple[PresetSection, ...]
    target_lufs: float | str | None = None
    ceiling_db: float = -1.0
    expand_db: float = 0.0
    model: str | None = None
    about: str = ""
    song: str | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> KnobValues:
        """Settings of the first section."""
        return self.sections[0].settings


def single_section_preset(settings: Mapping[str, float], **fields: Any) -> Preset:
    """A preset with the same settings for the whole song. fields: other fields of `Preset`."""
    return Preset((PresetSection(0.0, dict(settings)),), **fields)


def save_preset(preset: Preset, path: Path) -> None:
    """Write a preset as JSON, atomically."""
    sections = [{"start_s": s.start_s, "settings": s.settings} for s in preset.sections]
    data = {
        "format": FORMAT,
        "made_by": f"ai_mixer {__version__}",
        "about": preset.about,
        "model": preset.model,
        "song": preset.song,
        "console": console_cache.CONSOLE_NAME,
        "settings": preset.settings,
        **({"sections": sections} if len(sections) > 1 else {}),
        "target": preset.target_lufs,
        "ceiling_db": preset.ceiling_db,
        "expand_db": preset.expand_db,
        "measured": preset.measured,
    }
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def load_preset(path: str | Path) -> Preset:
    """Read and check a preset. FileNotFoundError or ValueError (one line) with the reason."""
    path = Path(path)
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8") if size <= MAX_FILE_BYTES else ""
        data = json.loads(text)
    except OSError as error:
        raise FileNotFoundError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a preset: it is not JSON") from error
    try:
        return _preset(data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _preset(data: Any) -> Preset:
    if not isinstance(data, dict):
        raise ValueError("not a preset: expected a JSON object {…}")
    if data.get("format") != FORMAT:
        raise ValueError(
            f"format is {_format_value(data.get('format'))}, this version reads {FORMAT}: "
            "save the preset again with the version of ai_mixer that wrote it"
        )
    missing = [name for name in REQUIRED_KEYS if name not in data]
    if missing:
        raise ValueError(f"missing {', '.join(missing)}")
    if data["console"] != console_cache.CONSOLE_NAME:
        raise ValueError(
            f"console is {_format_value(data['console'])}: must be {console_cache.CONSOLE_NAME}"
        )
    return Preset(
        sections=_sections(data),
        target_lufs=_target_lufs(data.get("target")),
        ceiling_db=_ceiling(data.get("ceiling_db", -1.0)),
        expand_db=_number("expand_db", data.get("expand_db", 0.0), 0.0, 6.0),
        model=_text(data, "model"),
        about=_text(data, "about") or "",
        song=_text(data, "song"),
    )


def _sections(data: dict[str, Any]) -> tuple[PresetSection, ...]:
    entries = data.get("sections")
    if entries is None:
        return (PresetSection(0.0, _settings(data["settings"])),)
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_SECTIONS:
        raise ValueError(f"sections must be a list of 1 to {MAX_SECTIONS}")
    sections = []
    for entry in entries:
        if not isinstance(entry, dict) or "start_s" not in entry or "settings" not in entry:
            raise ValueError("each section needs start_s and settings")
        start_s = _number("start_s", entry["start_s"], 0.0, 1e6)
        sections.append(PresetSection(start_s, _settings(entry["settings"])))
    starts = [section.start_s for section in sections]
    if starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
        raise ValueError("sections must start at 0 s and be in order of time")
    return tuple(sections)


def _settings(settings: Any) -> KnobValues:
    if not isinstance(settings, dict):
        raise ValueError("settings must be {knob: value}")
    known = console_cache.knobs_by_name()
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(
            f"no knob named {_format_value(unknown[0])}: the knobs are {', '.join(known)}"
        )
    return {
        name: _number(name, settings.get(name, knob.neutral), knob.low, knob.high)
        for name, knob in known.items()
    }


def _number(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number, got {_format_value(value)}")
    if not low <= value <= high:  # also false for NaN and for integers too large for a float
        raise ValueError(f"{name} is {_format_value(value)}: must be {low:g} to {high:g}")
    return float(value)


def _target_lufs(value: Any) -> float | str | None:
    if isinstance(value, str) and value not in TARGETS_LUFS:
        raise ValueError(
            f"target is {_format_value(value)}: must be a number or {', '.join(TARGETS_LUFS)}"
        )
    if value is None or isinstance(value, str):
        return value
    return _number("target", value, *SAVED_TARGETS_LUFS)


def _ceiling(value: Any) -> float:
    ceiling_db = _number("ceiling_db", value, -60.0, 0.0)
    Limiter(ceiling_db)
    return ceiling_db


def _text(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {_format_value(value)}")
    return value


def _format_value(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else text[:39] + "…"
