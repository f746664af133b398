"""The result of mixing one song."""

from pathlib import Path
from typing import NamedTuple

from ai_mixer.mixing.measurements import Figures
from ai_mixer.mixing.preset import Preset


class Outcome(NamedTuple):
    """One song's mix: where it lies, with what it was mixed, and its figures before and after."""

    song: Path
    output: Path
    preset: Preset
    before: Figures
    after: Figures
    notes: list[str]
