"""The mixing console: a chain of effects with knobs on 0–1, followed by a safety limiter."""

from ai_mixer.console.console import Console
from ai_mixer.console.load import load_console

__all__ = ["Console", "load_console"]
