"""Prior of real damage: what goes wrong with songs, drawn at random by kind.

A room or cheap loudspeakers are compensated for by the wrong shelf; a microphone adds presence and
low end by its distance; a room mode is a peak in the low mids; converters and codecs remove the
top; songs are compressed too much or too little, and come narrower or wider than they were.
"""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from ai_mixer.faults import generators

Damage = Callable[[Tensor, int], Tensor]
SHELF_STD_DB, PEAK_STD_DB, SIDE_STD_DB = 7.0, 6.0, 10.0


def draw_damage(kind: str, rng: np.random.Generator) -> Damage:
    """Draw one damage of a kind of `KINDS`: a function of (audio [C, T], sample_rate) → [C, T]."""
    return KINDS[kind](rng)


def _shelf(kind: str, low_hz: float, high_hz: float) -> Callable[[np.random.Generator], Damage]:
    def draw(rng: np.random.Generator) -> Damage:
        generate = generators.shelf(kind, _log_uniform(rng, low_hz, high_hz), 1.0)
        gain_db = rng.normal(0.0, SHELF_STD_DB)
        return lambda audio, sample_rate: generate(audio, sample_rate, gain_db)

    return draw


def _peak(low_hz: float, high_hz: float, q: float) -> Callable[[np.random.Generator], Damage]:
    def draw(rng: np.random.Generator) -> Damage:
        generate = generators.peak(_log_uniform(rng, low_hz, high_hz), q)
        gain_db = rng.normal(0.0, PEAK_STD_DB)
        return lambda audio, sample_rate: generate(audio, sample_rate, gain_db)

    return draw


def _scaled(
    generator: generators.Generator, low: float, high: float
) -> Callable[[np.random.Generator], Damage]:
    """A severity between two values, log-uniform."""

    def draw(rng: np.random.Generator) -> Damage:
        severity = _log_uniform(rng, low, high)
        return lambda audio, sample_rate: generator(audio, sample_rate, severity)

    return draw


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


KINDS: dict[str, Callable[[np.random.Generator], Damage]] = {
    "low shelf": _shelf("low", 60.0, 300.0),
    "high shelf": _shelf("high", 3000.0, 12_000.0),
    "microphone": _peak(1500.0, 6000.0, 1.0),
    "room": _peak(80.0, 800.0, 1.5),
    "narrow": _scaled(generators.side_gain(-1.0), 4.0, 24.0),
    "wide": _scaled(generators.side_gain(1.0), 3.0, 12.0),
    "codec": _scaled(generators.band_limit, 5.0, 14.0),
    "over-compressed": _scaled(generators.over_compression, 20.0, 80.0),
    "too dynamic": _scaled(generators.expansion, 20.0, 80.0),
}
"""Kind → draw of one damage."""
