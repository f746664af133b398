"""The result of mixing one song."""

from pathlib import Path
from typing import NamedTuple

from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.preset import Preset


class MixResult(NamedTuple):
    """One song's mix: where it lies, with what it was mixed, and its figures before and after."""

    song: Path
    output: Path
    preset: Preset
    before: Measurements
    after: Measurements
    notes: list[str]
