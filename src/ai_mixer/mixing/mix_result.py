"""The result of mixing one song."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.preset import Preset


class MixResult(NamedTuple):
    """Result of mixing one song: files, preset, measurements before and after, notes.

    missing: those of the notes that name what could not be read.
    """

    song: Path
    output: Path
    preset: Preset
    before: Measurements
    after: Measurements
    notes: list[str]
    missing: Sequence[str] = ()
