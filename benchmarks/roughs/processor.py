"""The other processor: pedalboard (JUCE's filters and gate), independent of the console.

GPL-3: a tool of the development environment, never imported by the package.
"""

from typing import NamedTuple

import numpy as np
import pedalboard

MAX_GAIN_DB = 6.0


class Band(NamedTuple):
    """One equaliser band."""

    hz: float
    gain_db: float
    q: float


class RoughSettings(NamedTuple):
    """Processing of a finished excerpt, in this order."""

    low_shelf: Band
    low_peak: Band
    high_peak: Band
    high_shelf: Band
    expander_threshold_db: float
    expander_ratio: float
    side_db: float
    level_db: float

    def row(self) -> dict[str, float]:
        """One column per number: `low_shelf_hz`, `low_shelf_gain_db` …"""
        cells: dict[str, float] = {}
        for name, value in self._asdict().items():
            parts = value._asdict() if isinstance(value, Band) else {"": value}
            cells |= {f"{name}_{part}".rstrip("_"): round(v, 4) for part, v in parts.items()}
        return cells


def draw_settings(rng: np.random.Generator) -> RoughSettings:
    """Draw gains uniformly within ±6 dB, frequencies and Q uniformly on a log scale."""

    def band(low_hz: float, high_hz: float, low_q: float, high_q: float) -> Band:
        hz, q = np.exp(rng.uniform(np.log([low_hz, low_q]), np.log([high_hz, high_q])))
        return Band(float(hz), rng.uniform(-MAX_GAIN_DB, MAX_GAIN_DB), float(q))

    return RoughSettings(
        low_shelf=band(50.0, 300.0, 0.5, 1.0),
        low_peak=band(150.0, 1000.0, 0.4, 2.0),
        high_peak=band(1000.0, 7000.0, 0.4, 2.0),
        high_shelf=band(3000.0, 12_000.0, 0.5, 1.0),
        expander_threshold_db=rng.uniform(-30.0, -10.0),
        expander_ratio=rng.uniform(1.0, 2.0),
        side_db=rng.uniform(-MAX_GAIN_DB, MAX_GAIN_DB),
        level_db=rng.uniform(-MAX_GAIN_DB, MAX_GAIN_DB),
    )


def make_rough(finished: np.ndarray, sample_rate: int, rough: RoughSettings) -> np.ndarray:
    """Process finished [2, T] float32, full scale = 1. Same shape; may exceed full scale."""
    p = pedalboard
    board = p.Pedalboard(
        [
            p.LowShelfFilter(*rough.low_shelf),
            p.PeakFilter(*rough.low_peak),
            p.PeakFilter(*rough.high_peak),
            p.HighShelfFilter(*rough.high_shelf),
            p.NoiseGate(rough.expander_threshold_db, rough.expander_ratio, 5.0, 100.0),
            p.Gain(rough.level_db),
        ]
    )
    left, right = board(finished, sample_rate)
    mid, side = (left + right) / 2, (left - right) / 2 * 10 ** (rough.side_db / 20)
    return np.stack([mid + side, mid - side]).astype(np.float32)
