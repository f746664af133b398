"""Presets: the settings of a mix and its loudness target, as JSON files.

A preset holds numbers, known names and, for the console of a run, its config: effects of ai_mixer
only. The same preset and song give the same samples.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ai_mixer.core.knob import Knob
from ai_mixer.core.version import __version__
from ai_mixer.mastering.delivery import MAX_REDUCTION_DB, TARGETS_LUFS
from ai_mixer.mixing.limits import (
    CEILING_LIMITS_DB,
    EXPANSION_LIMITS_DB,
    REDUCTION_LIMITS_DB,
    SAVED_TARGET_LIMITS_LUFS,
    TARGET_LIMITS_LUFS,
)
from ai_mixer.mixing.matching_equaliser import MatchingEqualiser, equaliser_from_json
from ai_mixer.mixing.mix_console import MixConsole, console_from_entry, default_console
from ai_mixer.mixing.mix_options import KnobValues
from ai_mixer.utils.atomic_write import exclusive_write, write_draft

FORMAT = 1
MAX_FILE_BYTES = 1 << 20
MAX_SECTIONS = 1000
REQUIRED_KEYS = ("format", "console", "settings")


@dataclass(frozen=True)
class PresetSection:
    """Settings from a time on. predicted: output of the model, for information."""

    start_s: float
    settings: KnobValues
    predicted: KnobValues | None = None


@dataclass(frozen=True)
class Preset:
    """Settings of a mix.

    sections: in order of time, the first at 0 s; one unless the settings change over the song.
    target_lufs: as `deliver` takes it; None keeps the song's loudness. max_reduction_db: of the
    limiter. expand_db: gain of the
    loudest moments. model, about, song, measured: information for the user. console: what the
    settings belong to. equaliser: what they leave of the way to a reference. unchanged: the song is
    copied as it is, without gain or limiter. unusual: what was, in words, for information.
    """

    sections: tuple[PresetSection, ...]
    target_lufs: float | str | None = None
    ceiling_db: float = -1.0
    max_reduction_db: float = MAX_REDUCTION_DB
    expand_db: float = 0.0
    model: str | None = None
    about: str = ""
    song: str | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)
    console: MixConsole = field(default_factory=default_console)
    equaliser: MatchingEqualiser | None = None
    unchanged: bool = False
    unusual: tuple[str, ...] = ()

    @property
    def settings(self) -> KnobValues:
        """Settings of the first section."""
        return self.sections[0].settings

    @property
    def is_neutral(self) -> bool:
        """Whether no knob is moved at any time."""
        neutral = {name: round(knob.neutral, 4) for name, knob in self.console.knobs.items()}
        moved = any(section.settings != neutral for section in self.sections)
        return not (moved or self.equaliser or self.expand_db)


def single_section_preset(settings: Mapping[str, float], **fields: Any) -> Preset:
    """A preset with the same settings for the whole song. fields: other fields of `Preset`."""
    return Preset((PresetSection(0.0, dict(settings)),), **fields)


def save_preset(preset: Preset, path: Path, overwrite: bool = True) -> None:
    """Write a preset as JSON, atomically. FileExistsError (one line) unless it is overwritten."""
    with exclusive_write(path, overwrite) as draft:
        write_draft(draft, to_json(preset))


def to_json(preset: Preset) -> str:
    """Return a preset as JSON."""
    sections = [{"start_s": s.start_s, "settings": s.settings} for s in preset.sections]
    predicted = preset.sections[0].predicted
    is_default = preset.max_reduction_db == MAX_REDUCTION_DB
    limiter = {} if is_default else {"max_reduction_db": preset.max_reduction_db}
    unchanged = {"unchanged": True} if preset.unchanged else {}
    unusual = {"unusual": list(preset.unusual)} if preset.unusual else {}
    data = {
        "format": FORMAT,
        "made_by": f"ai_mixer {__version__}",
        "about": preset.about,
        "model": preset.model,
        "song": preset.song,
        "console": preset.console.entry,
        "settings": preset.settings,
        **({"predicted": predicted} if predicted else {}),
        **({"sections": sections} if len(sections) > 1 else {}),
        **({"equaliser": preset.equaliser.to_json()} if preset.equaliser else {}),
        "target": preset.target_lufs,
        "ceiling_db": preset.ceiling_db,
        **limiter,
        **unchanged,
        **unusual,
        "expand_db": preset.expand_db,
        "measured": preset.measured,
    }
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def load_preset(path: str | Path) -> Preset:
    """Read and check a preset. FileNotFoundError or ValueError (one line) with the reason."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
        if len(text) > MAX_FILE_BYTES:
            raise ValueError(f"it is longer than {MAX_FILE_BYTES:,} bytes")
        data = json.loads(text.decode("utf-8-sig"))
    except OSError as error:
        raise FileNotFoundError(f"{path}: {error.strerror or error}") from error
    except json.JSONDecodeError as error:
        reason = f"not JSON in line {error.lineno}, column {error.colno}: {error.msg}"
        raise ValueError(f"{path} is not a preset: {reason}") from error
    except (ValueError, RecursionError) as error:
        reason = "it is not text in UTF-8" if isinstance(error, UnicodeError) else str(error)
        raise ValueError(f"{path} is not a preset: {reason}") from error
    try:
        return _preset(data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def check_levels(target_lufs: float | str | None, ceiling_db: float) -> None:
    """ValueError (one line) if the target or the ceiling is invalid, such as NaN."""
    _target_lufs(target_lufs, TARGET_LIMITS_LUFS)
    _number("ceiling_db", float(ceiling_db), *CEILING_LIMITS_DB)


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
    try:
        console = console_from_entry(data["console"])
    except ValueError as error:
        raise ValueError(f"console is {_format_value(data['console'])}: {error}") from error
    return Preset(
        sections=_sections(data, console.knobs),
        console=console,
        target_lufs=_target_lufs(data.get("target"), SAVED_TARGET_LIMITS_LUFS),
        ceiling_db=_number("ceiling_db", data.get("ceiling_db", -1.0), *CEILING_LIMITS_DB),
        max_reduction_db=_number(
            "max_reduction_db", data.get("max_reduction_db", MAX_REDUCTION_DB), *REDUCTION_LIMITS_DB
        ),
        expand_db=_number("expand_db", data.get("expand_db", 0.0), *EXPANSION_LIMITS_DB),
        model=_text(data, "model"),
        about=_text(data, "about") or "",
        song=_text(data, "song"),
        equaliser=equaliser_from_json(data.get("equaliser")),
        unchanged=data.get("unchanged") is True,
    )


def _sections(data: dict[str, Any], knobs: Mapping[str, Knob]) -> tuple[PresetSection, ...]:
    entries = data.get("sections")
    if entries is None:
        return (PresetSection(0.0, _settings(data["settings"], knobs)),)
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_SECTIONS:
        raise ValueError(f"sections must be a list of 1 to {MAX_SECTIONS}")
    sections = []
    for entry in entries:
        if not isinstance(entry, dict) or "start_s" not in entry or "settings" not in entry:
            raise ValueError("each section needs start_s and settings")
        start_s = _number("start_s", entry["start_s"], 0.0, 1e6)
        sections.append(PresetSection(start_s, _settings(entry["settings"], knobs)))
    starts = [section.start_s for section in sections]
    if starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
        raise ValueError("sections must start at 0 s and be in order of time")
    return tuple(sections)


def _settings(settings: Any, known: Mapping[str, Knob]) -> KnobValues:
    if not isinstance(settings, dict):
        raise ValueError("settings must be {knob: value}")
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


def _target_lufs(value: Any, limits: tuple[float, float]) -> float | str | None:
    if isinstance(value, str) and value not in TARGETS_LUFS:
        raise ValueError(
            f"target is {_format_value(value)}: must be a number or {', '.join(TARGETS_LUFS)}"
        )
    if value is None or isinstance(value, str):
        return value
    return _number("target", value, *limits)


def _text(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {_format_value(value)}")
    return value


def _format_value(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else text[:39] + "…"
