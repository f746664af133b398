"""The result of mixing one song."""

from pathlib import Path
from typing import NamedTuple

from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.preset import Preset


class MixResult(NamedTuple):
    """Result of mixing one song: files, preset, measurements before and after, notes."""

    song: Path
    output: Path
    preset: Preset
    before: Measurements
    after: Measurements
    notes: list[str]
