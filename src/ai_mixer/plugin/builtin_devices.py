"""Effects of a console as the built-in devices of DAWproject: equaliser and compressor.

They are an alternative where the plug-in is not installed, and only similar: the formulas of a DAW
are its own.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ai_mixer.dsp.formulas import Formula
from ai_mixer.effects.compressor import Compressor
from ai_mixer.effects.dynamics import Dynamics
from ai_mixer.effects.low_cut import LowCut
from ai_mixer.effects.parametric import ParametricPeak, ParametricShelf
from ai_mixer.effects.peak import Peak, Presence
from ai_mixer.effects.shelf import Shelf
from ai_mixer.plugin.identity import Plugin

SHELF_Q = 0.71
_LOW_SHELVES = {Formula.LOW_SHELF}


class Band(NamedTuple):
    """A band of an equaliser; kind: lowShelf, highShelf, bell or highPass."""

    kind: str
    frequency_hz: float
    gain_db: float | None
    q: float


class CompressorSettings(NamedTuple):
    """Settings of a compressor."""

    threshold_db: float
    ratio: float
    attack_ms: float
    release_ms: float
    makeup_db: float


def bands(plugin: Plugin, settings: Mapping[str, float]) -> list[Band]:
    """Filters of a plug-in as bands."""
    return [part for part in _parts(plugin, settings) if isinstance(part, Band)]


def compressors(plugin: Plugin, settings: Mapping[str, float]) -> list[CompressorSettings]:
    """Compressors of a plug-in, except in bands."""
    return [part for part in _parts(plugin, settings) if isinstance(part, CompressorSettings)]


def _parts(plugin: Plugin, settings: Mapping[str, float]) -> Iterator[Band | CompressorSettings]:
    for effect, columns in plugin.chain.effects_with_columns():
        knobs = {name: settings[plugin.chain.names[at]] for name, at in columns.items()}
        match effect:
            case Shelf() | ParametricShelf():
                frequency_hz = knobs.get("frequency_hz", getattr(effect, "frequency_hz", 0.0))
                kind = "lowShelf" if effect.formula in _LOW_SHELVES else "highShelf"
                yield Band(kind, frequency_hz, knobs["gain_db"], SHELF_Q)
            case ParametricPeak():
                yield Band("bell", knobs["frequency_hz"], knobs["gain_db"], knobs["q"])
            case Presence():
                peak = effect.peak
                (label,) = (
                    own for own in plugin.labels if plugin.chain.names[columns["ratio"]] == own.name
                )
                yield Band("bell", peak.frequency_hz, label.displayed(knobs["ratio"]), peak.q)
            case Peak():
                yield Band("bell", effect.frequency_hz, knobs["gain_db"], effect.q)
            case LowCut() if knobs["frequency_hz"] > effect.off_hz:
                yield Band("highPass", knobs["frequency_hz"], None, SHELF_Q)
            case Dynamics():
                yield CompressorSettings(
                    knobs["threshold_db"],
                    knobs["ratio"],
                    knobs["attack_ms"],
                    knobs["release_ms"],
                    knobs["makeup_db"],
                )
            case Compressor():
                yield CompressorSettings(
                    effect.threshold_db, knobs["ratio"], effect.attack_ms, effect.release_ms, 0.0
                )
