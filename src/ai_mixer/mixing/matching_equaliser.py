"""The matching equaliser of a mix: what the knobs leave of the correction towards a reference.

A gain for each third of an octave of mid and side, applied with linear phase after the console, and
saved in the preset.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ai_mixer.dsp.linear_phase import filter_mid_side, linear_phase_response
from ai_mixer.dsp.spectra import THIRD_OCTAVE_CENTRES_HZ, third_octave_centres
from ai_mixer.inference.matching_curve import Correction

MIN_GAIN_DB = 0.05  # of the largest band; less is no equaliser
LIMIT_DB = 60.0


class MatchingEqualiser(NamedTuple):
    """Gain of mid and of side in dB at `THIRD_OCTAVE_CENTRES_HZ`."""

    mid_db: tuple[float, ...]
    side_db: tuple[float, ...]

    def process(self, blocks: Iterable[Tensor], sample_rate: int) -> Iterator[Tensor]:
        """Filter a song in blocks [C, n], without latency."""
        centres = third_octave_centres(sample_rate)
        gains = torch.tensor([self.mid_db, self.side_db])[:, : len(centres)]
        yield from filter_mid_side(blocks, *linear_phase_response(gains, centres, sample_rate))

    def with_side(self, gain_db: float) -> "MatchingEqualiser":
        """With a gain of the side in addition."""
        return self._replace(side_db=tuple(round(db + gain_db, 3) for db in self.side_db))

    def scaled(self, tone: float, width: float) -> "MatchingEqualiser":
        """With shares of its tone (gain of the mid) and width (side over mid)."""
        pairs = list(zip(self.mid_db, self.side_db, strict=True))
        mid = tuple(round(tone * m, 3) for m, _ in pairs)
        return MatchingEqualiser(mid, tuple(round(tone * m + width * (s - m), 3) for m, s in pairs))

    def to_json(self) -> dict[str, list[float]]:
        """Frequencies and gains."""
        frequencies = [round(hz, 1) for hz in THIRD_OCTAVE_CENTRES_HZ]
        return {"hz": frequencies, "mid_db": [*self.mid_db], "side_db": [*self.side_db]}


FLAT = MatchingEqualiser(*2 * ((0.0,) * len(THIRD_OCTAVE_CENTRES_HZ),))
"""Changes nothing."""


def matching_equaliser(correction: Correction) -> MatchingEqualiser | None:
    """The equaliser of a correction; None if it changes less than 0.05 dB."""
    gains = torch.stack([correction.mid_db, correction.side_db]).clamp(-LIMIT_DB, LIMIT_DB)
    missing = len(THIRD_OCTAVE_CENTRES_HZ) - gains.shape[1]
    gains = torch.cat([gains, gains[:, -1:].expand(-1, missing)], 1)
    if float(gains.abs().max()) < MIN_GAIN_DB:
        return None
    mid, side = ([round(gain, 3) for gain in row] for row in gains.tolist())
    return MatchingEqualiser(tuple(mid), tuple(side))


def equaliser_from_json(data: Any) -> MatchingEqualiser | None:
    """Read `to_json`. ValueError (one line) if it is not one."""
    if data is None:
        return None
    bands = len(THIRD_OCTAVE_CENTRES_HZ)
    if not isinstance(data, Mapping):
        raise ValueError("equaliser must be {mid_db: […], side_db: […]}")
    rows = []
    for name in ("mid_db", "side_db"):
        row = data.get(name)
        if not isinstance(row, list) or len(row) != bands or not all(map(_is_gain, row)):
            raise ValueError(
                f"equaliser: {name} must be {bands} numbers of −{LIMIT_DB:g} to {LIMIT_DB:g}"
            )
        rows.append(tuple(float(gain) for gain in row))
    return MatchingEqualiser(*rows)


def _is_gain(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= LIMIT_DB  # also false for NaN
