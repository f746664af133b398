"""The console: an ordered chain of effects behind knobs on 0–1, ending in the safety limiter."""

from ai_mixer.console.console import Console
from ai_mixer.console.load import load_console

__all__ = ["Console", "load_console"]
