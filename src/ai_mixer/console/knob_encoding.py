"""Knobs as rows of numbers, and their scales in compiled code."""

from collections.abc import Iterable

import numpy as np

from ai_mixer.core.knob import Knob
from ai_mixer.core.units import SCALES, scale_functions
from ai_mixer.dsp.recursions import Array
from ai_mixer.utils.compilation import njit

SCALE, LOW, HIGH, KNOB_FIELDS = range(4)  # of an encoded knob; its limits are warped by the scale
LOG, SLOPE = (list(SCALES).index(name) for name in ("log", "slope"))

_slope = scale_functions(np)["slope"]
_to_slope, _from_slope = njit(cache=False)(_slope.warp), njit(cache=False)(_slope.unwarp)


def encode_knobs(knobs: Iterable[Knob]) -> Array:
    """Encode knobs as [P, 3]: scale and warped limits."""
    scales = scale_functions(np)
    rows = [
        (list(SCALES).index(k.scale), *(scales[k.scale].warp(end) for end in (k.low, k.high)))
        for k in knobs
    ]
    return np.array(rows, np.float64).reshape(-1, KNOB_FIELDS)


@njit(cache=True, nogil=True)
def physical_value(knob, position):  # type: ignore[no-untyped-def]
    """Value of an encoded knob at a position."""
    warped = knob[LOW] + position * (knob[HIGH] - knob[LOW])
    if knob[SCALE] == LOG:
        return np.exp(warped)
    if knob[SCALE] == SLOPE:
        return _from_slope(warped)
    return warped


@njit(cache=True, nogil=True)
def knob_position(knob, value):  # type: ignore[no-untyped-def]
    """Position of a physical value on the scale of an encoded knob."""
    warped = value
    if knob[SCALE] == LOG:
        warped = np.log(value)
    elif knob[SCALE] == SLOPE:
        warped = _to_slope(value)
    return (warped - knob[LOW]) / (knob[HIGH] - knob[LOW])
