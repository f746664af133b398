"""The result of mixing one song."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ai_mixer.mastering.delivery import DeliveryResult
from ai_mixer.mixing.audible_settings import audible_settings
from ai_mixer.mixing.delivery_set import DeliveredFile
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_options import KnobValues
from ai_mixer.mixing.preset import Preset


class MixResult(NamedTuple):
    """Result of mixing one song: files, preset, measurements before and after, notes.

    missing: those of the notes that name what could not be read. delivered: level, limiter. files:
    further files of a delivery. asked: what the user asked for, in words.
    """

    song: Path
    output: Path
    preset: Preset
    before: Measurements
    after: Measurements
    notes: list[str]
    missing: Sequence[str] = ()
    delivered: DeliveryResult | None = None
    files: Sequence[DeliveredFile] = ()
    asked: Mapping[str, str] = MappingProxyType({})

    @property
    def audible(self) -> KnobValues:
        """Settings of the first section that change the sound."""
        return audible_settings(self.preset.settings, self.preset.console, self.before)

    @property
    def reduction_db(self) -> float:
        """Largest gain reduction of the limiter."""
        return self.delivered.reduction_db if self.delivered else 0.0
