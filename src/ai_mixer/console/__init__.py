"""The mixing console: a chain of effects with knobs on 0–1, then a safety limiter.

For several tracks: a graph of such chains.
"""

from ai_mixer.console.console import Console
from ai_mixer.console.graph import ConsoleGraph
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.console.load import load_console

__all__ = ["Console", "ConsoleGraph", "GraphKnobs", "load_console"]
