"""What the page needs of a console: its knobs, and the spectra of its rooms."""

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from ai_mixer.console import Console, load_console
from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.core.knob import Knob
from ai_mixer.mixing.console_cache import CONSOLE_NAMES, shared_console
from ai_mixer.plugin.description import EngineDescription, describe_engine
from ai_mixer.plugin.identity import BUSES, STRIP, load_plugin

__all__ = ["BUSES", "CONSOLE_NAMES", "ENGINE_NAMES", "STRIP", "console_chain", "console_entry"]
__all__ += ["described_console", "room_spectra"]

ENGINE_NAMES = (*CONSOLE_NAMES, STRIP, *BUSES)
"""Consoles for one file, and the parts of `studio`, whose master is `mastering`."""


def console_chain(name: str) -> Console | EffectChain:
    """A console of the page, with its widest ranges."""
    return shared_console(name) if name in CONSOLE_NAMES else load_plugin(name).chain


@lru_cache
def described_console(name: str) -> EngineDescription:
    """The console as constant arrays."""
    return describe_engine(console_chain(name))


def console_entry(name: str) -> list[dict[str, Any]]:
    """Knobs of a console for JSON, in the order of the engine; then the sends of a strip."""
    knobs: list[Knob] = list(console_chain(name).knobs)
    if name == STRIP:
        knobs = list(load_console("studio").layout.strip)
    return [asdict(knob) for knob in knobs]


@lru_cache
def room_spectra(name: str) -> bytes:
    """Spectra of the rooms of a console, float32, as the engine's memory holds them."""
    return described_console(name).spectra.tobytes()
