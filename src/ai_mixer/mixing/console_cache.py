"""The packaged consoles for stereo files, built once, and the ranges of their knobs."""

from dataclasses import replace
from functools import lru_cache

from ai_mixer.console import Console, load_console
from ai_mixer.console.load import load_ranges, require_single
from ai_mixer.core.knob import Knob
from ai_mixer.mixing.mix_options import WIDE

CONSOLE_NAME = "classic"
CONSOLE_NAMES = (CONSOLE_NAME, "mastering")
"""Consoles that a preset names; it records the config of another."""


@lru_cache
def shared_console(name: str = CONSOLE_NAME) -> Console:
    """A console, with the widest ranges. ValueError for another name."""
    return require_single(load_console(name, WIDE), f"console {name}")


@lru_cache
def knobs_by_name(ranges: str = WIDE, console: str = CONSOLE_NAME) -> dict[str, Knob]:
    """Name → knob, with the limits of an option of `configs/ranges/<console>`."""
    limits = load_ranges(ranges, console)
    knobs = ((knob, *limits[knob.name]) for knob in shared_console(console).knobs)
    return {knob.name: replace(knob, low=low, high=high) for knob, low, high in knobs}
