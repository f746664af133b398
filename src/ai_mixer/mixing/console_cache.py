"""The console that files go through, and how far its knobs may be turned."""

from dataclasses import replace
from functools import lru_cache

from ai_mixer.console import Console, load_console
from ai_mixer.console.load import load_ranges
from ai_mixer.core.types import Knob
from ai_mixer.mixing.mix_options import WIDE

CONSOLE_NAME = "classic"


@lru_cache
def shared_console() -> Console:
    """The one console of the front door, with the widest ranges."""
    return load_console(CONSOLE_NAME, WIDE)


@lru_cache
def knobs_by_name(ranges: str = WIDE) -> dict[str, Knob]:
    """Name → knob, with the ends of a page of `configs/ranges`."""
    ends = load_ranges(ranges)
    both = ((knob, *ends[knob.name]) for knob in shared_console().knobs)
    return {knob.name: replace(knob, low=low, high=high) for knob, low, high in both}
