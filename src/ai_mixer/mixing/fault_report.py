"""Faults of a song for a user: text, the command that mends each, and a preset for all of them."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.faults.fault import Remedy
from ai_mixer.faults.find import Finding
from ai_mixer.mixing.mix_console import MixConsole, console_from_entry
from ai_mixer.mixing.preset import Preset, single_section_preset

REPAIR_CONSOLE = "mastering"


def describe_findings(findings: Sequence[Finding], song: Path) -> list[dict[str, Any]]:
    """Faults for JSON: name, text, figure, unit, settings by console, and how to mend it."""
    return [
        {
            "name": one.fault.name,
            "text": one.text,
            "figure": round(one.figure, 2),
            "unit": one.fault.unit,
            "settings": {"classic": one.remedy.classic, "mastering": one.remedy.mastering},
            "mend": mend_text(one.remedy, song),
        }
        for one in findings
    ]


def mend_text(remedy: Remedy, song: Path) -> str:
    """The command that mends a fault, or advice where no knob does."""
    name = shlex.quote(str(song))
    if remedy.classic:
        settings = " ".join(f"--set {knob}={value:g}" for knob, value in remedy.classic.items())
        return f"ai-mixer mix {name} --amount 0 {settings}"
    if remedy.mastering:
        return f"ai-mixer analyse {name} --save-preset mend.json"
    if remedy.ceiling_db is not None:
        return f"ai-mixer mix {name} --amount 0 --ceiling {remedy.ceiling_db:g}"
    return remedy.advice


def mending_preset(findings: Sequence[Finding]) -> Preset:
    """A preset of the mastering console with the moves for all faults that a knob mends.

    Two moves of one knob: the larger one. ValueError (one line) if no knob mends any of them.
    """
    console = repair_console()
    settings: dict[str, float] = {}
    for finding in findings:
        for knob, value in finding.remedy.mastering.items():
            neutral = console.knobs[knob].neutral
            if abs(value - neutral) > abs(settings.get(knob, neutral) - neutral):
                limits = console.knobs[knob]
                settings[knob] = min(max(value, limits.low), limits.high)
    if not settings:
        raise ValueError("--save-preset: no fault was found that a knob mends")
    complete = {name: settings.get(name, knob.neutral) for name, knob in console.knobs.items()}
    about = "mends: " + ", ".join(f.fault.name for f in findings if f.remedy.mastering)
    return single_section_preset(complete, console=console, about=about)


def repair_console() -> MixConsole:
    """The mastering console with its widest ranges."""
    folder = config_folder()
    config = {
        "console": OmegaConf.load(folder / "console" / f"{REPAIR_CONSOLE}.yaml"),
        "ranges": OmegaConf.load(folder / "ranges" / REPAIR_CONSOLE / "wide.yaml"),
    }
    entry = OmegaConf.to_container(OmegaConf.create(config), resolve=True)
    assert isinstance(entry, dict)
    return console_from_entry(entry["console"])
