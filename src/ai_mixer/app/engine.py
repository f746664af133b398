"""What the page needs of a console: its knobs, and the spectra of its rooms."""

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from ai_mixer.mixing.console_cache import CONSOLE_NAMES, shared_console
from ai_mixer.plugin.description import EngineDescription, describe_engine

__all__ = ["CONSOLE_NAMES", "console_entry", "described_console", "room_spectra"]


@lru_cache
def described_console(name: str) -> EngineDescription:
    """The console as constant arrays, with its widest ranges."""
    return describe_engine(shared_console(name))


def console_entry(name: str) -> list[dict[str, Any]]:
    """Knobs of a console for JSON, in the order of the engine."""
    return [asdict(knob) for knob in shared_console(name).knobs]


@lru_cache
def room_spectra(name: str) -> bytes:
    """Spectra of the rooms of a console, float32, as the engine's memory holds them."""
    return described_console(name).spectra.tobytes()
